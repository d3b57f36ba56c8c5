// A valid mediscan.json to spoil in one place, and the message that comes of it.
#pragma once

#include <mediscan/bundle.hpp>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "bundle/manifest.hpp"
#include "errors.hpp"

namespace mediscan::test {

/// Two skin labels, torchvision's V1 recipe.
inline nlohmann::json skin_manifest() {
  return nlohmann::json::parse(R"({
    "mediscan_bundle": 1, "name": "skin-tiny", "version": "1.0.0", "domain": "skin", "task": "multiclass",
    "architecture": {"name": "resnet18", "in_channels": 3, "outputs": 2},
    "weights": [{"file": "model.safetensors", "format": "safetensors",
                 "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}],
    "input": {"color": "rgb", "resize": {"mode": "shorter", "size": 256, "filter": "bilinear"}, "crop": [224, 224],
              "scale": "unit", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    "labels": [{"code": "mel", "label": "melanoma", "snomed": "372244006", "malignant": true},
               {"code": "nv", "label": "melanocytic nevus", "malignant": false}],
    "output": {"activation": "softmax"},
    "self_test": {"input": "self_test.png", "logits": [0.5, -1.25], "tolerance": 0.001},
    "card": {"intended_use": "tests", "training_data": "none", "limitations": "all", "license": "Apache-2.0"}})");
}

/// Two chest labels with operating points, one of them never trained.
inline nlohmann::json chest_manifest() {
  auto manifest = skin_manifest();
  manifest["domain"] = "radiology";
  manifest["task"] = "multilabel";
  manifest["architecture"]["in_channels"] = 1;
  manifest["input"] = nlohmann::json::parse(
      R"({"color": "gray", "square_crop": true, "resize": {"mode": "shorter", "size": 224, "filter": "bilinear"}, "scale": "xrv"})");
  manifest["labels"] = nlohmann::json::parse(
      R"([{"code": "edema", "label": "Edema", "operating_points": [{"name": "youden", "threshold": 0.25}]},
          {"code": "hernia", "label": "Hernia", "available": false}])");
  manifest["output"]["activation"] = "sigmoid_operating_point";
  return manifest;
}

inline Bundle parse_text(std::string_view text) {
  return bundle::parse_manifest(std::as_bytes(std::span(text)), "skin");
}
inline Bundle parse(const nlohmann::json& manifest) { return parse_text(manifest.dump()); }

/// The message without its "skin/mediscan.json: "; the code and stage are checked here.
inline std::string message_of_text(std::string_view text) {
  const Error error = error_of([&] { parse_text(text); });
  CHECK(error.code() == ErrorCode::bundle_invalid);
  CHECK(error.stage() == Stage::bundle);
  constexpr std::string_view document = "skin/mediscan.json: ";
  REQUIRE(error.message().starts_with(document));
  return error.message().substr(document.size());
}
inline std::string message_of(const nlohmann::json& manifest) { return message_of_text(manifest.dump()); }

/// One place of a manifest changed, and what is said of it.
struct Spoiled {
  const char* pointer;      ///< JSON pointer (RFC 6901) of the value to change
  const char* replacement;  ///< JSON text; empty to remove the value
  const char* message;
};

inline nlohmann::json spoiled(nlohmann::json manifest, const Spoiled& change) {
  const nlohmann::json::json_pointer at(change.pointer);
  if (*change.replacement == '\0') {
    manifest.at(at.parent_pointer()).erase(at.back());
  } else {
    manifest[at] = nlohmann::json::parse(change.replacement);
  }
  return manifest;
}

template <std::size_t N>
void check_messages(const nlohmann::json& manifest, const Spoiled (&changes)[N]) {
  CHECK_NOTHROW(parse(manifest));
  for (const auto& change : changes) {
    CAPTURE(change.pointer);
    CHECK(message_of(spoiled(manifest, change)) == change.message);
  }
}

}  // namespace mediscan::test
