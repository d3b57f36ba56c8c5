// A bundle as JSON: complete, with defaults filled in, and with what follows from it.
#include <doctest/doctest.h>

#include <mediscan/system.hpp>
#include <nlohmann/json.hpp>

#include "base/hash.hpp"
#include "errors.hpp"

using namespace mediscan;
using nlohmann::ordered_json;

namespace {

Bundle chest_bundle() {
  Bundle bundle;
  bundle.directory = "models/chest";
  bundle.manifest_sha256 = "aa";
  bundle.name = "chest";
  bundle.version = "2.0";
  bundle.domain = Domain::radiology;
  bundle.task = Task::multilabel;
  bundle.architecture = {"densenet", 1, 2, std::nullopt, {2, 3}, std::nullopt, 8, 16, 4};
  bundle.weights = {{"model.safetensors", "safetensors", "bb"}};
  bundle.input.color = ColorMode::gray;
  bundle.input.crop = CropStep{224, 200};
  bundle.labels.resize(2);
  bundle.labels[0] = {"edema", "Edema", "267038008", true, std::nullopt, {{"youden", 0.25}}};
  bundle.labels[1] = {"hernia", "Hernia", std::nullopt, false, std::nullopt, {}};
  bundle.output = {Activation::sigmoid_operating_point, 1.5};
  bundle.self_test = {"test.png", {0.5F, -1.25F}, 0.001};
  bundle.precision = PrecisionSpec{{"bf16", "int8"}, 0.01};
  bundle.card = {"tests", "none", "all", "Apache-2.0", std::nullopt};
  return bundle;
}

}  // namespace

TEST_CASE("a bundle has the fields of its manifest and what follows from them") {
  const std::string recipe = canonical_json(chest_bundle().input);
  CHECK(
      to_json(chest_bundle()) ==
      R"({"directory":"models/chest","manifest_sha256":"aa","weights_sha256":"bb","preprocess_sha256":")" +
          base::sha256_hex(recipe) +
          R"(","name":"chest","version":"2.0","domain":"radiology","task":"multilabel",)"
          R"("architecture":{"name":"densenet","in_channels":1,"outputs":2,"layers":[2,3],"growth_rate":8,"init_features":16,"bn_size":4},)"
          R"("weights":[{"file":"model.safetensors","format":"safetensors","sha256":"bb"}],"input":)" +
          recipe +
          R"(,"input_size":[224,200],"labels":[{"code":"edema","label":"Edema","snomed":"267038008","available":true,"malignant":null,)"
          R"("operating_points":[{"name":"youden","threshold":0.25}]},{"code":"hernia","label":"Hernia","snomed":null,"available":false,)"
          R"("malignant":null,"operating_points":[]}],"output":{"activation":"sigmoid_operating_point","temperature":1.5},)"
          R"("self_test":{"input":"test.png","logits":[0.5,-1.25],"tolerance":0.001},)"
          R"("precision":{"allowed":["bf16","int8"],"probability_tolerance":0.01},)"
          R"("card":{"intended_use":"tests","training_data":"none","limitations":"all","license":"Apache-2.0","warning":null},)"
          R"("extensions":{}})");
}

TEST_CASE("a bundle that allows fp32 alone says null") {
  Bundle bundle = chest_bundle();
  bundle.precision.reset();
  CHECK(ordered_json::parse(to_json(bundle))["precision"].is_null());
}

TEST_CASE("a resnet's own numbers are shown, and a named network has none") {
  Bundle bundle = chest_bundle();
  bundle.architecture = {"resnet", 3, 7, "basic", {1, 1, 1, 1}, 16, std::nullopt, std::nullopt, std::nullopt};
  CHECK(ordered_json::parse(to_json(bundle))["architecture"].dump() ==
        R"({"name":"resnet","in_channels":3,"outputs":7,"block":"basic","layers":[1,1,1,1],"width":16})");
  bundle.architecture = {"resnet50", 3, 7, std::nullopt, {}, std::nullopt, std::nullopt, std::nullopt, std::nullopt};
  CHECK(ordered_json::parse(to_json(bundle))["architecture"].dump() ==
        R"({"name":"resnet50","in_channels":3,"outputs":7})");
}

TEST_CASE("extensions appear as the JSON they are, and as text when a program put in something else") {
  Bundle bundle = chest_bundle();
  bundle.extensions = {{"x-run", R"({"id":7})"}, {"x-odd", "{not json"}};
  CHECK(ordered_json::parse(to_json(bundle))["extensions"].dump() == R"({"x-odd":"{not json","x-run":{"id":7}})");
}

TEST_CASE("a bundle whose recipe fixes no size has no JSON") {
  Bundle bundle = chest_bundle();
  bundle.input.crop.reset();
  CHECK(mediscan::test::error_of([&] { to_json(bundle); }).code() == ErrorCode::bundle_invalid);
}
