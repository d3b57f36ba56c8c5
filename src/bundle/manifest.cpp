// Field by field, in the order of docs/bundle.md. What one field says of another is checked in consistency.cpp.
#include "bundle/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.hpp"
#include "bundle/consistency.hpp"
#include "bundle/inside.hpp"
#include "bundle/json_reader.hpp"
#include "bundle/names.hpp"
#include "bundle/spec_json.hpp"

namespace mediscan::bundle {
namespace {

constexpr std::uint32_t max_outputs = 100'000;
constexpr std::uint32_t max_width = 8192;  // keeps every product of channels far inside 32 bits

std::optional<std::uint32_t> optional_integer(const JsonReader& reader, std::uint32_t least, std::uint32_t most) {
  if (!reader.present()) return std::nullopt;
  return reader.integer32(least, most);
}

Architecture read_architecture(const JsonReader& reader) {
  reader.expect_fields(
      {"name", "in_channels", "outputs", "block", "layers", "width", "growth_rate", "init_features", "bn_size"});
  Architecture architecture;
  architecture.name = reader.field("name").text();
  architecture.in_channels = reader.field("in_channels").integer32(1, max_width);
  architecture.outputs = reader.field("outputs").integer32(1, max_outputs);
  if (const auto field = reader.field("block"); field.present()) architecture.block = field.text();
  if (const auto field = reader.field("layers"); field.present()) {
    for (const auto& stage : field.elements(1, 16)) architecture.layers.push_back(stage.integer32(1, 1000));
  }
  architecture.width = optional_integer(reader.field("width"), 1, max_width);
  architecture.growth_rate = optional_integer(reader.field("growth_rate"), 1, max_width);
  architecture.init_features = optional_integer(reader.field("init_features"), 1, max_width);
  architecture.bn_size = optional_integer(reader.field("bn_size"), 1, 64);
  return architecture;
}

std::string read_file_name(const JsonReader& reader) {
  std::string file = reader.text();
  if (!names_a_file_inside(file))
    reader.fail("a file inside the bundle folder (a relative path with \"/\" and without \"..\")");
  return file;
}

std::string read_sha256(const JsonReader& reader) {
  std::string hash = reader.any_text();
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (hash.size() != 64 || !std::all_of(hash.begin(), hash.end(), hex)) {
    reader.fail("64 lower-case hex digits", "`sha256sum FILE` prints them");
  }
  return hash;
}

std::vector<WeightsFile> read_weights(const JsonReader& reader) {
  std::vector<WeightsFile> weights;
  std::set<std::string> seen;
  for (const auto& element : reader.elements(1, 1000)) {
    element.expect_fields({"file", "format", "sha256"});
    WeightsFile file;
    file.file = read_file_name(element.field("file"));
    if (!seen.insert(file.file).second) element.field("file").fail("every file once");
    file.format = element.field("format").name_among({"safetensors"});
    file.sha256 = read_sha256(element.field("sha256"));
    weights.push_back(std::move(file));
  }
  return weights;
}

std::string read_snomed(const JsonReader& reader) {
  std::string identifier = reader.any_text();
  const bool digits = std::all_of(identifier.begin(), identifier.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || identifier.size() < 6 || identifier.size() > 18)
    reader.fail("a SNOMED CT identifier (a string of 6 to 18 digits)");
  return identifier;
}

std::vector<OperatingPoint> read_operating_points(const JsonReader& reader) {
  std::vector<OperatingPoint> points;
  if (!reader.present()) return points;
  std::set<std::string> seen;
  for (const auto& element : reader.elements(0, 100)) {
    element.expect_fields({"name", "threshold"});
    OperatingPoint point;
    point.name = element.field("name").text();
    if (!seen.insert(point.name).second) element.field("name").fail("every name once in a label");
    point.threshold =
        element.field("threshold").number([](double v) { return v > 0 && v < 1; }, "a number over 0 and below 1");
    points.push_back(std::move(point));
  }
  return points;
}

std::vector<Label> read_labels(const JsonReader& reader) {
  std::vector<Label> labels;
  std::set<std::string> seen;
  for (const auto& element : reader.elements(1, max_outputs)) {
    element.expect_fields({"code", "label", "snomed", "available", "malignant", "operating_points"});
    Label label;
    label.code = element.field("code").text();
    if (!seen.insert(label.code).second) element.field("code").fail("every code once");
    label.label = element.field("label").text();
    if (const auto field = element.field("snomed"); field.present()) label.snomed = read_snomed(field);
    if (const auto field = element.field("available"); field.present()) label.available = field.boolean();
    if (const auto field = element.field("malignant"); field.present()) label.malignant = field.boolean();
    label.operating_points = read_operating_points(element.field("operating_points"));
    labels.push_back(std::move(label));
  }
  return labels;
}

OutputSpec read_output(const JsonReader& reader) {
  reader.expect_fields({"activation", "temperature"});
  OutputSpec output;
  output.activation = choice_of(reader.field("activation"), activation_names);
  if (const auto field = reader.field("temperature"); field.present()) {
    output.temperature = field.number([](double v) { return v >= 1e-6 && v <= 1e6; }, "a number from 1e-6 to 1e6");
  }
  return output;
}

SelfTest read_self_test(const JsonReader& reader) {
  reader.expect_fields({"input", "logits", "tolerance"});
  SelfTest test;
  test.input = read_file_name(reader.field("input"));
  for (const auto& element : reader.field("logits").elements(1, max_outputs)) test.logits.push_back(element.float32());
  test.tolerance =
      reader.field("tolerance").number([](double v) { return v > 0 && v <= 1; }, "a number over 0 and at most 1");
  return test;
}

PrecisionSpec read_precision(const JsonReader& reader) {
  reader.expect_fields({"allowed", "probability_tolerance"});
  PrecisionSpec precision;
  for (const auto& element : reader.field("allowed").elements(1, 3)) {
    std::string name = element.name_among({"bf16", "fp16", "int8"});
    const auto& before = precision.allowed;
    if (std::find(before.begin(), before.end(), name) != before.end()) element.fail("every precision once");
    precision.allowed.push_back(std::move(name));
  }
  precision.probability_tolerance =
      reader.field("probability_tolerance")
          .number([](double v) { return v > 0 && v <= 0.5; }, "a number over 0 and at most 0.5");
  return precision;
}

ModelCard read_card(const JsonReader& reader) {
  reader.expect_fields({"intended_use", "training_data", "limitations", "license", "warning"});
  ModelCard card;
  card.intended_use = reader.field("intended_use").prose();
  card.training_data = reader.field("training_data").prose();
  card.limitations = reader.field("limitations").prose();
  card.license = reader.field("license").prose();
  if (const auto field = reader.field("warning"); field.present()) card.warning = field.prose();
  return card;
}

/// Before anything else: a newer format may have other fields, and that is not their fault.
void check_format_version(const JsonReader& root) {
  if (!root.value().is_object()) root.fail("an object");
  const JsonReader version = root.field("mediscan_bundle");
  if (version.present() && version.value().is_number_integer() && version.value().get<std::int64_t>() == 1) return;
  version.fail("1",
               "MediScan " MEDISCAN_VERSION " reads bundle format 1; a bundle of a later format needs a newer library");
}

}  // namespace

void throw_too_large(std::string_view document) {
  throw_invalid(document, "the file", fmt::format("larger than {} bytes", max_manifest_bytes),
                "a mediscan.json of at most 1 MiB", "weights and pictures are files of their own");
}

Bundle parse_manifest(std::span<const std::byte> bytes, const std::filesystem::path& directory) {
  const std::string document = (directory / "mediscan.json").string();
  if (bytes.size() > max_manifest_bytes) throw_too_large(document);
  const nlohmann::json tree = parse_json(bytes, document);
  const JsonReader root(tree, document);
  check_format_version(root);
  root.expect_fields({"mediscan_bundle", "name", "version", "domain", "task", "architecture", "weights", "input",
                      "labels", "output", "self_test", "precision", "card"},
                     true);
  Bundle bundle;
  bundle.directory = directory;
  bundle.manifest_sha256 = base::sha256_hex(bytes);
  bundle.name = root.field("name").text();
  bundle.version = root.field("version").text();
  bundle.domain = choice_of(root.field("domain"), domain_names);
  bundle.task = choice_of(root.field("task"), task_names);
  bundle.architecture = read_architecture(root.field("architecture"));
  bundle.weights = read_weights(root.field("weights"));
  bundle.input = read_spec(root.field("input"));
  bundle.labels = read_labels(root.field("labels"));
  bundle.output = read_output(root.field("output"));
  bundle.self_test = read_self_test(root.field("self_test"));
  if (const auto field = root.field("precision"); field.present()) bundle.precision = read_precision(field);
  bundle.card = read_card(root.field("card"));
  for (const auto& item : tree.items()) {
    if (item.key().starts_with("x-")) bundle.extensions.emplace(item.key(), item.value().dump());
  }
  check_consistency(bundle, root);
  return bundle;
}

}  // namespace mediscan::bundle
