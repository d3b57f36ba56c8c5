// A bundle as JSON: the fields of mediscan.json with their defaults filled in, and what follows from them.
#include <mediscan/bundle.hpp>
#include <mediscan/system.hpp>

#include "base/hash.hpp"
#include "result/json_parts.hpp"

namespace mediscan {
namespace result {
namespace {

/// Like the manifest, without the fields this network has no use for.
Json architecture_json(const Architecture& architecture) {
  Json json = {
      {"name", architecture.name}, {"in_channels", architecture.in_channels}, {"outputs", architecture.outputs}};
  if (architecture.block) json["block"] = *architecture.block;
  if (!architecture.layers.empty()) json["layers"] = architecture.layers;
  if (architecture.width) json["width"] = *architecture.width;
  if (architecture.growth_rate) json["growth_rate"] = *architecture.growth_rate;
  if (architecture.init_features) json["init_features"] = *architecture.init_features;
  if (architecture.bn_size) json["bn_size"] = *architecture.bn_size;
  return json;
}

Json weights_json(const std::vector<WeightsFile>& weights) {
  Json list = Json::array();
  for (const auto& file : weights) {
    Json item = {{"file", file.file}, {"format", file.format}, {"sha256", file.sha256}};
    list.push_back(std::move(item));
  }
  return list;
}

Json label_json(const Label& label) {
  Json points = Json::array();
  for (const auto& point : label.operating_points) {
    Json item = Json::object();
    item["name"] = point.name;
    item["threshold"] = point.threshold;
    points.push_back(std::move(item));
  }
  return {{"code", label.code},
          {"label", label.label},
          {"snomed", or_null(label.snomed)},
          {"available", label.available},
          {"malignant", or_null(label.malignant)},
          {"operating_points", std::move(points)}};
}

Json labels_json(const std::vector<Label>& labels) {
  Json list = Json::array();
  for (const auto& label : labels) list.push_back(label_json(label));
  return list;
}

Json self_test_json(const SelfTest& test) {
  Json json = Json::object();
  json["input"] = test.input;
  json["logits"] = test.logits;
  json["tolerance"] = test.tolerance;
  return json;
}

Json precision_json(const std::optional<PrecisionSpec>& precision) {
  if (!precision) return nullptr;
  Json json = Json::object();
  json["allowed"] = precision->allowed;
  json["probability_tolerance"] = precision->probability_tolerance;
  return json;
}

Json card_json(const ModelCard& card) {
  return {{"intended_use", card.intended_use},
          {"training_data", card.training_data},
          {"limitations", card.limitations},
          {"license", card.license},
          {"warning", or_null(card.warning)}};
}

/// Extensions are JSON text; one that a program put in and that is not stays a string.
Json extensions_json(const std::map<std::string, std::string>& extensions) {
  Json json = Json::object();
  for (const auto& [name, text] : extensions) {
    Json value = Json::parse(text, nullptr, false);
    json[name] = value.is_discarded() ? Json(text) : std::move(value);
  }
  return json;
}

}  // namespace
}  // namespace result

std::string to_json(const Bundle& bundle, int indent) {
  const std::string recipe = canonical_json(bundle.input);
  const auto [height, width] = bundle.input_size();
  result::Json json = result::Json::object();
  json["directory"] = bundle.directory.string();
  json["manifest_sha256"] = bundle.manifest_sha256;
  json["weights_sha256"] = bundle.weights_sha256();
  json["preprocess_sha256"] = base::sha256_hex(recipe);
  json["name"] = bundle.name;
  json["version"] = bundle.version;
  json["domain"] = name_of(bundle.domain);
  json["task"] = name_of(bundle.task);
  json["architecture"] = result::architecture_json(bundle.architecture);
  json["weights"] = result::weights_json(bundle.weights);
  json["input"] = result::Json::parse(recipe);
  json["input_size"] = {height, width};
  json["labels"] = result::labels_json(bundle.labels);
  json["output"]["activation"] = name_of(bundle.output.activation);
  json["output"]["temperature"] = bundle.output.temperature;
  json["self_test"] = result::self_test_json(bundle.self_test);
  json["precision"] = result::precision_json(bundle.precision);
  json["card"] = result::card_json(bundle.card);
  json["extensions"] = result::extensions_json(bundle.extensions);
  return result::text_of(json, indent);
}

}  // namespace mediscan
