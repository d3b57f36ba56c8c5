// Fields of a manifest that are fine alone and wrong together.
#include "bundle/consistency.hpp"

#include <doctest/doctest.h>

#include <string>

#include "manifest_example.hpp"

using namespace mediscan::test;
using nlohmann::json;

namespace {

json with_architecture(const char* text) {
  json manifest = skin_manifest();
  manifest["architecture"] = json::parse(text);
  return manifest;
}

}  // namespace

TEST_CASE("labels and self-test logits are as many as outputs") {
  auto labels = skin_manifest();
  labels["labels"].push_back({{"code", "bcc"}, {"label", "basal cell carcinoma"}});
  CHECK(message_of(labels) == "$.labels is an array of 3 elements, expected 2 ($.architecture.outputs)");
  auto logits = skin_manifest();
  logits["self_test"]["logits"] = {1.0};
  CHECK(message_of(logits) == "$.self_test.logits is an array of 1 element, expected 2 ($.architecture.outputs)");
}

TEST_CASE("the network's channels are those of the recipe") {
  auto manifest = skin_manifest();
  manifest["architecture"]["in_channels"] = 1;
  CHECK(message_of(manifest) == R"($.architecture.in_channels is 1, expected 3 (the channels of $.input.color "rgb"))");
}

TEST_CASE("softmax is for one true label, the sigmoids for any number") {
  auto skin = skin_manifest();
  skin["output"]["activation"] = "sigmoid";
  CHECK(message_of(skin) == R"($.output.activation is "sigmoid", expected "softmax" for $.task "multiclass")");
  skin["output"]["activation"] = "sigmoid_operating_point";
  CHECK(message_of(skin) ==
        R"($.output.activation is "sigmoid_operating_point", expected "softmax" for $.task "multiclass")");
  auto chest = chest_manifest();
  chest["output"]["activation"] = "softmax";
  CHECK(message_of(chest) ==
        R"($.output.activation is "softmax", expected "sigmoid" or "sigmoid_operating_point" for $.task "multilabel")");
}

TEST_CASE("sigmoid_operating_point needs a point on every label that is available") {
  auto chest = chest_manifest();
  CHECK_NOTHROW(parse(chest));  // the second label is not available and has none
  chest["labels"][1]["available"] = true;
  CHECK(message_of(chest) ==
        "$.labels[1].operating_points is missing or empty, expected at least one for an available label, since "
        "$.output.activation is "
        "\"sigmoid_operating_point\"");
  chest["output"]["activation"] = "sigmoid";
  CHECK_NOTHROW(parse(chest));
}

TEST_CASE("a bundle without any available label is of no use") {
  auto chest = chest_manifest();
  chest["labels"][0]["available"] = false;
  CHECK(message_of(chest) ==
        "$.labels is a list without an available label, expected at least one label with \"available\": true");
}

TEST_CASE("torchvision's names are complete: they take no numbers") {
  for (const char* name : {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "densenet121", "densenet161",
                           "densenet169", "densenet201"}) {
    auto manifest = skin_manifest();
    manifest["architecture"]["name"] = name;
    CHECK_NOTHROW(parse(manifest));
    manifest["architecture"]["layers"] = {3, 4, 6, 3};
    CHECK(message_of(manifest) ==
          "$.architecture.layers is an array of 4 elements, expected no such field for the architecture \"" +
              std::string(name) + "\"");
  }
}

TEST_CASE("resnet needs block, four stages and width, and nothing of densenet's") {
  constexpr const char* complete =
      R"({"name": "resnet", "in_channels": 3, "outputs": 2, "block": "basic", "layers": [1, 1, 1, 1], "width": 16})";
  constexpr Spoiled changes[] = {
      {"/architecture/block", "", R"($.architecture.block is missing, expected one of "basic", "bottleneck")"},
      {"/architecture/block", "\"wide\"", R"($.architecture.block is "wide", expected one of "basic", "bottleneck")"},
      {"/architecture/layers", "", "$.architecture.layers is missing, expected an array of 4 elements"},
      {"/architecture/layers", "[2, 2, 2]",
       "$.architecture.layers is an array of 3 elements, expected an array of 4 elements"},
      {"/architecture/width", "", "$.architecture.width is missing, expected a whole number (channels of the stem)"},
      {"/architecture/growth_rate", "8",
       "$.architecture.growth_rate is 8, expected no such field for the architecture \"resnet\""},
      {"/architecture/init_features", "8",
       "$.architecture.init_features is 8, expected no such field for the architecture \"resnet\""},
      {"/architecture/bn_size", "4",
       "$.architecture.bn_size is 4, expected no such field for the architecture \"resnet\""},
  };
  check_messages(with_architecture(complete), changes);
}

TEST_CASE("densenet needs growth rate, layers and stem features, and nothing of resnet's") {
  constexpr const char* complete =
      R"({"name": "densenet", "in_channels": 3, "outputs": 2, "growth_rate": 8, "layers": [2, 2, 2], "init_features": 16})";
  constexpr Spoiled changes[] = {
      {"/architecture/growth_rate", "",
       "$.architecture.growth_rate is missing, expected a whole number (channels each dense layer adds)"},
      {"/architecture/layers", "",
       "$.architecture.layers is missing, expected an array of whole numbers (dense layers of each block)"},
      {"/architecture/init_features", "",
       "$.architecture.init_features is missing, expected a whole number (channels of the stem)"},
      {"/architecture/block", "\"basic\"",
       "$.architecture.block is \"basic\", expected no such field for the architecture \"densenet\""},
      {"/architecture/width", "8",
       "$.architecture.width is 8, expected no such field for the architecture \"densenet\""},
  };
  check_messages(with_architecture(complete), changes);
}

TEST_CASE("an architecture of someone else's backend may have any of the fields") {
  CHECK_NOTHROW(parse(with_architecture(
      R"({"name": "my-net", "in_channels": 3, "outputs": 2, "block": "special", "layers": [9], "bn_size": 2, "width": 7})")));
}
