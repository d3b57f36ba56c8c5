// What an analysis found and the record of what really ran. Field names are those of the JSON (docs/result.md).
#pragma once

#include <mediscan/bundle.hpp>
#include <mediscan/error.hpp>
#include <mediscan/export.hpp>
#include <mediscan/image.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan {

/// Stands in every result, in every format.
inline constexpr std::string_view research_notice = "research use only, not a medical device";

struct Finding {
  std::string code;
  std::string label;
  std::optional<std::string> snomed;
  bool available = true;
  double logit = 0;                       ///< as the network gave it; meaningless when not available
  std::optional<double> probability;      ///< [0, 1]; absent when not available
  std::optional<double> operating_point;  ///< threshold used for the decision; absent for multiclass
  std::optional<bool>
      decision;  ///< multiclass: is the top class; multilabel: probability >= threshold; absent when not available
};

struct InputRecord {
  std::string name;
  std::string sha256;
  std::string format;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t bits = 0;
};

struct ModelRecord {
  std::string name;
  std::string version;
  Domain domain = Domain::other;
  std::string sha256;  ///< Bundle::weights_sha256
  std::string
      manifest_sha256;  ///< Bundle::manifest_sha256: labels, their order, thresholds and activation are the manifest's
};

struct ExecutionRecord {
  std::string backend;
  std::string backend_version;
  std::string device;
  std::string precision;
  std::uint32_t batch_size = 0;  ///< of the batch this picture really ran in
  bool simulated = false;
  bool cached =
      false;  ///< came from the cache: the record is that of the analysis which made it, the times are today's
  std::optional<std::string> fallback_reason;
  /// Of precision "auto": every faster precision that the bundle allows and that was left, and why; absent when none
  /// was.
  std::optional<std::string> precision_reason;
  /// What of backend, device, precision, lanes and batch size a profile of `mediscan tune` chose, and the name of its
  /// file; absent when none did.
  std::optional<std::string> profile_reason;
};

struct SkinSummary {
  std::string top_code;
  std::string top_label;
  double top_probability = 0;
  std::optional<double> malignant_probability;  ///< sum over labels marked malignant; absent when the bundle marks none
};

struct RadiologySummary {
  std::vector<std::string> positive_codes;  ///< labels at or over their operating point, most probable first
  std::uint32_t unavailable = 0;            ///< labels whose head was never trained
};

struct Summary {
  std::optional<SkinSummary> skin;
  std::optional<RadiologySummary> radiology;
};

/// Milliseconds of wall time. `total` is the decoding plus everything from the start of preprocessing to the record; in
/// a batch that includes waiting for the pictures beside this one, so it is at least the sum of the parts.
struct Timing {
  double decode = 0;
  double preprocess = 0;
  double queue = 0;
  double inference = 0;  ///< of the whole batch this picture ran in
  double postprocess = 0;
  double total = 0;
};

struct Result {
  InputRecord input;
  ModelRecord model;
  std::string preprocess_sha256;
  ExecutionRecord execution;
  std::vector<Finding> findings;  ///< by falling probability, unavailable ones last
  Summary summary;
  Timing timing_ms;
  std::vector<Warning> warnings;
  std::string library_version;
  std::string notice{research_notice};
};

/// JSON text of a result: one line when `indent` is negative, else indented by that many spaces. Numbers keep full
/// precision.
MEDISCAN_API std::string to_json(const Result& result, int indent = -1);

/// {"error": {"code", "stage", "message", "hint"}, "input": {"name"}, "notice": ...}
MEDISCAN_API std::string to_json(const Error& error, std::string_view input_name, int indent = -1);

/// "0.1.0"
MEDISCAN_API std::string library_version();

}  // namespace mediscan
