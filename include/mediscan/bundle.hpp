// What a model is: the typed content of a bundle folder's mediscan.json. Data only; nothing in a bundle is ever
// executed. docs/bundle.md documents every field.
#pragma once

#include <mediscan/export.hpp>
#include <mediscan/preprocess.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mediscan {

enum class Domain { skin, radiology, other };
enum class Task {
  multiclass,  ///< exactly one label is true: softmax
  multilabel,  ///< each label is true or not: sigmoid
};

/// The network. Named variants of torchvision need a name only; "resnet" and "densenet" take their numbers from the
/// fields below.
struct Architecture {
  std::string name;  ///< resnet18/34/50/101/152, densenet121/161/169/201, resnet, densenet, or a name that a backend of
                     ///< yours knows
  std::uint32_t in_channels = 3;
  std::uint32_t outputs = 0;
  std::optional<std::string> block;            ///< resnet: "basic" or "bottleneck"
  std::vector<std::uint32_t> layers;           ///< resnet, densenet: blocks (or dense layers) of each stage
  std::optional<std::uint32_t> width;          ///< resnet: channels of the stem; stage i has width x 2^i
  std::optional<std::uint32_t> growth_rate;    ///< densenet
  std::optional<std::uint32_t> init_features;  ///< densenet: channels of the stem
  std::optional<std::uint32_t> bn_size;        ///< densenet: bottleneck factor, 4 when absent

  friend bool operator==(const Architecture&, const Architecture&) = default;
};

struct WeightsFile {
  std::string file;    ///< relative to the bundle folder, inside it
  std::string format;  ///< "safetensors"
  std::string sha256;  ///< 64 lower-case hex digits of the whole file
};

/// A named threshold on a label's probability, in (0, 1).
struct OperatingPoint {
  std::string name;
  double threshold = 0.5;
};

struct Label {
  std::string code;                   ///< short and stable, unique in the bundle, e.g. "mel"
  std::string label;                  ///< for people, e.g. "melanoma"
  std::optional<std::string> snomed;  ///< SNOMED CT concept identifier
  bool available = true;  ///< false: the head was never trained; it shows as not available, never as a probability
  std::optional<bool> malignant;                 ///< skin: counts towards the summary's malignant probability
  std::vector<OperatingPoint> operating_points;  ///< the first is the one decisions use
};

enum class Activation {
  softmax,
  sigmoid,
  sigmoid_operating_point,  ///< torchxrayvision's op_norm: sigmoid, then scaled so that the operating point becomes 0.5
};

struct OutputSpec {
  Activation activation = Activation::softmax;
  double temperature = 1.0;  ///< logits are divided by it before the activation
};

/// A picture and the logits that the training framework gave for it.
struct SelfTest {
  std::string input;  ///< picture file, relative to the bundle folder, inside it
  std::vector<float> logits;
  double tolerance = 1e-3;  ///< largest absolute difference of any logit at fp32
};

/// That a model may be computed below fp32, and how far its probabilities may move by it. At load the self-test picture
/// must then give the same decisions as the bundle's logits, which are fp32's, and each probability within the
/// tolerance.
struct PrecisionSpec {
  std::vector<std::string> allowed;     ///< of "bf16", "fp16", "int8"; fp32 needs no leave
  double probability_tolerance = 0.02;  ///< largest absolute difference of any available label's probability
};

struct ModelCard {
  std::string intended_use;
  std::string training_data;
  std::string limitations;
  std::string license;
  std::optional<std::string> warning;  ///< stands as the warning MODEL_CARD in every result of this model
};

/// A parsed and validated mediscan.json. Weights are named, not read.
struct Bundle {
  std::filesystem::path directory;
  std::string manifest_sha256;  ///< of the very mediscan.json bytes that were parsed
  std::string name;
  std::string version;
  Domain domain = Domain::other;
  Task task = Task::multiclass;
  Architecture architecture;
  std::vector<WeightsFile> weights;
  PreprocessSpec input;
  std::vector<Label> labels;  ///< in the order of the network's outputs
  OutputSpec output;
  SelfTest self_test;
  std::optional<PrecisionSpec> precision;  ///< absent: fp32 and nothing else
  ModelCard card;
  std::map<std::string, std::string> extensions;  ///< fields "x-...", as JSON text, kept and not interpreted

  /// Reads `directory`/mediscan.json. Throws NOT_FOUND (no folder, no mediscan.json), IO_ERROR, or BUNDLE_INVALID whose
  /// message has the JSON path, what was found and what was expected.
  MEDISCAN_API static Bundle read(const std::filesystem::path& directory);

  /// SHA-256 that names the weights in a record: the file's hash for one file, else the hash of the hashes in order.
  [[nodiscard]] MEDISCAN_API std::string weights_sha256() const;

  /// Height and width of the tensor the network takes, by the recipe's last sizing step. BUNDLE_INVALID at read when
  /// neither crop nor exact resize nor square_crop with resize fixes it.
  [[nodiscard]] MEDISCAN_API std::pair<std::uint32_t, std::uint32_t> input_size() const;
};

/// Reads every weights file and compares its SHA-256 with the manifest's, as a load does. Throws IO_ERROR, NOT_FOUND,
/// BUNDLE_INVALID (a file outside the folder) or HASH_MISMATCH.
MEDISCAN_API void verify_weights(const Bundle& bundle);

MEDISCAN_API std::string_view name_of(Domain domain) noexcept;
MEDISCAN_API std::string_view name_of(Task task) noexcept;
MEDISCAN_API std::string_view name_of(Activation activation) noexcept;

/// Canonical JSON of a recipe: the names of mediscan.json's `input`, fixed order, every field present. Its SHA-256 is
/// the `preprocess.sha256` of a result.
MEDISCAN_API std::string canonical_json(const PreprocessSpec& spec);

}  // namespace mediscan
