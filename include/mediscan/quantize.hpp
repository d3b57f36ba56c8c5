// From a float32 bundle to its int8 sibling: calibration pictures in, a bundle out whose agreement was measured before
// it was published. docs/quantize.md explains the choices.
#pragma once

#include <mediscan/error.hpp>
#include <mediscan/export.hpp>
#include <mediscan/model_manager.hpp>
#include <mediscan/options.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan {

/// How the range of numbers that a layer's bytes stand for is chosen from what the layer gave.
enum class Calibration {
  min_max,     ///< everything that was seen
  percentile,  ///< all but the rarest: cut at QuantizeOptions::percentile
  mse,         ///< the range with the least mean squared error of rounding and cutting
  entropy,     ///< the range with the least Kullback-Leibler divergence of the rounded from the true distribution
};
MEDISCAN_API std::string_view name_of(Calibration calibration) noexcept;  ///< "min_max", "percentile", ...

/// What quantize is doing, and how much of that is done, 0 to 1. Called on the thread that called quantize.
using QuantizeProgress = std::function<void(std::string_view phase, double done)>;

struct QuantizeOptions {
  Calibration calibration = Calibration::mse;
  double percentile = 99.99;  ///< over 50, at most 100; of Calibration::percentile
  /// Largest difference of a probability from fp32's that the new bundle states, over 0, at most 0.5: its self-test
  /// must keep it at every load.
  double probability_tolerance = 0.02;
  /// Share of the decisions (Agreement) that must be as at fp32, 0 to 1; with fewer nothing is published. Without a
  /// value: 0.95 of a multiclass model's, 0.98 of a multilabel model's, most of which are that something is not there.
  std::optional<double> min_agreement;
  /// How many units (in a ResNet a residual block, in a DenseNet a dense layer or a transition) are kept in float32,
  /// those that int8 hurts most; fewer than there are. Without a value: none when int8 agrees, else the fewest that it
  /// was found to agree with, at most half of them.
  std::optional<std::uint32_t> keep_higher;
  int threads = 0;                 ///< as ManagerOptions::threads
  std::filesystem::path libtorch;  ///< as ManagerOptions::libtorch
  DecodeOptions decode;            ///< of the pictures; fast_decode does not count
  QuantizeProgress progress;
};

/// A layer whose output became bytes.
struct QuantizedLayer {
  std::string name;
  double lowest = 0;  ///< number that it gave
  double highest = 0;
  double from = 0;     ///< number that the byte 0 stands for
  double to = 0;       ///< number that the byte 255 stands for
  double sqnr_db = 0;  ///< signal to quantisation noise of the output alone, estimated from its histogram
};

/// A unit that is kept in float32.
struct KeptUnit {
  std::string name;  ///< "layer3.2", "features.denseblock1.denselayer4", "features.transition1"
  /// Root mean square difference of the logits from fp32's when it alone is int8, over up to 16 of the pictures.
  double logit_error = 0;
};

/// int8 against fp32, picture by picture.
struct Agreement {
  std::uint64_t pictures = 0;
  std::uint64_t same_decisions = 0;  ///< pictures of which every available label is decided alike
  double largest_difference = 0;     ///< of any available label's probability
  double mean_difference = 0;        ///< over the pictures, of each its largest
  /// A multiclass model decides one thing about a picture, its top class; a multilabel model one about each available
  /// label.
  std::uint64_t decisions = 0;
  std::uint64_t decided_alike = 0;
};

struct UnusedPicture {
  std::filesystem::path path;
  Error error;
};

struct QuantizeReport {
  std::filesystem::path directory;  ///< of the new bundle
  ModelRecord source;
  ModelRecord model;
  Calibration calibration = Calibration::mse;
  std::vector<KeptUnit> kept;  ///< by falling logit_error
  std::uint32_t units = 0;     ///< that could have been kept
  std::string kept_because;    ///< how int8 disagreed with none kept; empty when it was not tried or agreed
  std::vector<QuantizedLayer> layers;
  Agreement agreement;
  SelfTestRecord self_test;
  std::uint64_t source_weight_bytes = 0;
  std::uint64_t weight_bytes = 0;
  std::vector<UnusedPicture> unused;  ///< pictures that could not be read or preprocessed
};

/// Quantises a bundle with the pictures named and writes the int8 bundle to `destination`, which must not exist; it
/// appears there whole, after it was loaded in int8, passed its self-test and agreed with fp32 on those pictures, or
/// not at all. Scores of what the pictures hold are the yardstick, so they should be many and of the model's own kind;
/// use none of them to judge the model afterwards. Pictures that cannot be used are left out and reported.
///
/// Throws INVALID_ARGUMENT (an option out of range, all units to be kept, a destination that exists), what loading a
/// bundle throws, UNSUPPORTED (an architecture without int8, weights that are quantised already), the first picture's
/// error when none can be used, SELF_TEST_FAILED (int8 does not agree), PRECISION_UNSUPPORTED (a CPU without int8: it
/// cannot be proven here), IO_ERROR. Holds the model up to five times in memory. Thread-safe.
MEDISCAN_API QuantizeReport quantize(const std::filesystem::path& bundle, const std::filesystem::path& destination,
                                     std::span<const std::filesystem::path> pictures,
                                     const QuantizeOptions& options = {});

/// JSON text of a report, as Result's.
MEDISCAN_API std::string to_json(const QuantizeReport& report, int indent = -1);

}  // namespace mediscan
