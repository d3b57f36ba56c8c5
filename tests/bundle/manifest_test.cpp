// mediscan.json field by field: a valid one is read completely, and every field that is wrong is reported exactly.
#include "bundle/manifest.hpp"

#include <doctest/doctest.h>

#include <string>

#include "base/hash.hpp"
#include "manifest_example.hpp"

using namespace mediscan;
using namespace mediscan::test;

TEST_CASE("a skin manifest is read into its bundle") {
  const std::string text = skin_manifest().dump(2);
  const Bundle bundle = parse_text(text);
  CHECK(bundle.directory == "skin");
  CHECK(bundle.manifest_sha256 == base::sha256_hex(text));
  CHECK(bundle.name == "skin-tiny");
  CHECK(bundle.version == "1.0.0");
  CHECK(bundle.domain == Domain::skin);
  CHECK(bundle.task == Task::multiclass);
  Architecture resnet18;
  resnet18.name = "resnet18";
  resnet18.outputs = 2;
  CHECK(bundle.architecture == resnet18);
  REQUIRE(bundle.weights.size() == 1);
  CHECK(bundle.weights[0].file == "model.safetensors");
  CHECK(bundle.weights[0].format == "safetensors");
  CHECK(bundle.weights[0].sha256 == base::sha256_hex("abc"));
  CHECK(bundle.input.crop == CropStep{224, 224});
  REQUIRE(bundle.labels.size() == 2);
  CHECK(bundle.labels[0].code == "mel");
  CHECK(bundle.labels[0].label == "melanoma");
  CHECK(bundle.labels[0].snomed == "372244006");
  CHECK(bundle.labels[0].available);
  CHECK(bundle.labels[0].malignant == true);
  CHECK(bundle.labels[1].malignant == false);
  CHECK_FALSE(bundle.labels[1].snomed);
  CHECK(bundle.output.activation == Activation::softmax);
  CHECK(bundle.output.temperature == 1.0);
  CHECK(bundle.self_test.input == "self_test.png");
  CHECK(bundle.self_test.logits == std::vector<float>{0.5F, -1.25F});
  CHECK(bundle.self_test.tolerance == 0.001);
  CHECK(bundle.card.license == "Apache-2.0");
  CHECK_FALSE(bundle.card.warning);
  CHECK(bundle.extensions.empty());
}

TEST_CASE("a chest manifest with operating points, temperature and warning is read into its bundle") {
  auto manifest = chest_manifest();
  manifest["output"]["temperature"] = 1.5;
  manifest["card"]["warning"] = "trained on generated pictures";
  manifest["architecture"] = {{"name", "densenet"}, {"in_channels", 1},    {"outputs", 2}, {"growth_rate", 8},
                              {"layers", {2, 3}},   {"init_features", 16}, {"bn_size", 4}};
  const Bundle bundle = parse(manifest);
  CHECK(bundle.domain == Domain::radiology);
  CHECK(bundle.task == Task::multilabel);
  CHECK(bundle.architecture.layers == std::vector<std::uint32_t>{2, 3});
  CHECK(bundle.architecture.growth_rate == 8U);
  CHECK(bundle.architecture.init_features == 16U);
  CHECK(bundle.architecture.bn_size == 4U);
  REQUIRE(bundle.labels[0].operating_points.size() == 1);
  CHECK(bundle.labels[0].operating_points[0].name == "youden");
  CHECK(bundle.labels[0].operating_points[0].threshold == 0.25);
  CHECK_FALSE(bundle.labels[1].available);
  CHECK(bundle.output.activation == Activation::sigmoid_operating_point);
  CHECK(bundle.output.temperature == 1.5);
  CHECK(bundle.card.warning == "trained on generated pictures");
}

TEST_CASE("fields named x-... at the top level are kept as JSON text") {
  auto manifest = skin_manifest();
  manifest["x-origin"] = {{"run", 7}};
  const Bundle bundle = parse(manifest);
  CHECK(bundle.extensions == std::map<std::string, std::string>{{"x-origin", R"({"run":7})"}});
}

TEST_CASE("an optional field that is null is as one that is absent") {
  auto manifest = skin_manifest();
  manifest["labels"][0]["snomed"] = nullptr;
  manifest["card"]["warning"] = nullptr;
  manifest["output"]["temperature"] = nullptr;
  manifest["architecture"]["width"] = nullptr;
  const Bundle bundle = parse(manifest);
  CHECK_FALSE(bundle.labels[0].snomed);
  CHECK(bundle.output.temperature == 1.0);
}

TEST_CASE("a bundle of another format version is refused with a word on the library's") {
  auto manifest = skin_manifest();
  manifest["mediscan_bundle"] = 2;
  manifest["field_of_the_future"] = true;  // must not be what is complained of
  const auto error = error_of([&] { parse(manifest); });
  CHECK(error.message() == "skin/mediscan.json: $.mediscan_bundle is 2, expected 1");
  CHECK(contains(error.hint(), "reads bundle format 1"));
  CHECK(contains(error.hint(), "newer library"));
}

TEST_CASE("the top level is checked field by field") {
  constexpr Spoiled changes[] = {
      {"/mediscan_bundle", "", "$.mediscan_bundle is missing, expected 1"},
      {"/mediscan_bundle", "\"1\"", "$.mediscan_bundle is \"1\", expected 1"},
      {"/mediscan_bundle", "1.0", "$.mediscan_bundle is 1.0, expected 1"},
      {"/name", "", "$.name is missing, expected a string"},
      {"/name", "7", "$.name is 7, expected a string"},
      {"/version", "\"\"", "$.version is \"\", expected a string that is not empty and has no control characters"},
      {"/domain", "\"dental\"", R"($.domain is "dental", expected one of "skin", "radiology", "other")"},
      {"/task", "\"both\"", R"($.task is "both", expected one of "multiclass", "multilabel")"},
      {"/architecture", "[]", "$.architecture is an array of 0 elements, expected an object"},
      {"/card", "", "$.card is missing, expected an object"},
      {"/lables", "[]",
       R"($.lables is an unknown field, expected one of "mediscan_bundle", "name", "version", "domain", "task", "architecture", "weights", )"
       R"("input", "labels", "output", "self_test", "precision", "card")"},
  };
  check_messages(skin_manifest(), changes);
  CHECK(message_of_text("[]") == "$ is an array of 0 elements, expected an object");
}

TEST_CASE("the architecture is checked field by field") {
  constexpr Spoiled changes[] = {
      {"/architecture/name", "", "$.architecture.name is missing, expected a string"},
      {"/architecture/in_channels", "0", "$.architecture.in_channels is 0, expected a whole number from 1 to 8192"},
      {"/architecture/outputs", "-2", "$.architecture.outputs is -2, expected a whole number from 1 to 100000"},
      {"/architecture/outputs", "4294967298",
       "$.architecture.outputs is 4294967298, expected a whole number from 1 to 100000"},
      {"/architecture/layers", "7", "$.architecture.layers is 7, expected an array of 1 to 16 elements"},
      {"/architecture/layers", "[1, 0]", "$.architecture.layers[1] is 0, expected a whole number from 1 to 1000"},
      {"/architecture/width", "8193", "$.architecture.width is 8193, expected a whole number from 1 to 8192"},
      {"/architecture/growth_rate", "0", "$.architecture.growth_rate is 0, expected a whole number from 1 to 8192"},
      {"/architecture/init_features", "0", "$.architecture.init_features is 0, expected a whole number from 1 to 8192"},
      {"/architecture/bn_size", "65", "$.architecture.bn_size is 65, expected a whole number from 1 to 64"},
      {"/architecture/block", "3", "$.architecture.block is 3, expected a string"},
      {"/architecture/x-mine", "3",
       R"($.architecture.x-mine is an unknown field, expected one of "name", "in_channels", "outputs", "block", "layers", "width", )"
       R"("growth_rate", "init_features", "bn_size")"},
  };
  check_messages(skin_manifest(), changes);
}

TEST_CASE("the weights are checked field by field") {
  constexpr const char* outside =
      R"( expected a file inside the bundle folder (a relative path with "/" and without ".."))";
  constexpr Spoiled changes[] = {
      {"/weights", "[]", "$.weights is an array of 0 elements, expected an array of 1 to 1000 elements"},
      {"/weights/0/format", "\"onnx\"", R"($.weights[0].format is "onnx", expected "safetensors")"},
      {"/weights/0/sha256", "\"BA78\"", R"($.weights[0].sha256 is "BA78", expected 64 lower-case hex digits)"},
      {"/weights/0/sha256", "\"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\"",
       R"($.weights[0].sha256 is "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F200...", expected 64 lower-case hex digits)"},
      {"/weights/0/size", "3", R"($.weights[0].size is an unknown field, expected one of "file", "format", "sha256")"},
  };
  check_messages(skin_manifest(), changes);
  for (const char* file : {"/etc/passwd", "../other/model", "a/../../b", "folder/", "a\\\\b"}) {
    const std::string text = "\"" + std::string(file) + "\"";
    const Spoiled change{"/weights/0/file", text.c_str(), ""};
    CHECK(message_of(spoiled(skin_manifest(), change)) == "$.weights[0].file is " + text + "," + outside);
  }
  auto twice = skin_manifest();
  twice["weights"].push_back(twice["weights"][0]);
  CHECK(message_of(twice) == "$.weights[1].file is \"model.safetensors\", expected every file once");
}

TEST_CASE("the labels are checked field by field") {
  constexpr Spoiled changes[] = {
      {"/labels", "{}", "$.labels is an object, expected an array of 1 to 100000 elements"},
      {"/labels/1/code", "\"mel\"", R"($.labels[1].code is "mel", expected every code once)"},
      {"/labels/1/label", "", "$.labels[1].label is missing, expected a string"},
      {"/labels/0/snomed", "372244006", "$.labels[0].snomed is 372244006, expected a string"},
      {"/labels/0/snomed", "\"12345\"",
       "$.labels[0].snomed is \"12345\", expected a SNOMED CT identifier (a string of 6 to 18 digits)"},
      {"/labels/0/snomed", "\"37224400x\"",
       "$.labels[0].snomed is \"37224400x\", expected a SNOMED CT identifier (a string of 6 to 18 digits)"},
      {"/labels/0/available", "1", "$.labels[0].available is 1, expected true or false"},
      {"/labels/0/malignant", "\"no\"", "$.labels[0].malignant is \"no\", expected true or false"},
      {"/labels/0/color", "1",
       R"($.labels[0].color is an unknown field, expected one of "code", "label", "snomed", "available", "malignant", "operating_points")"},
  };
  check_messages(skin_manifest(), changes);
}

TEST_CASE("operating points lie strictly between 0 and 1 and have names of their own") {
  for (const char* threshold : {"0", "1", "-0.1", "1.5"}) {
    const Spoiled change{"/labels/0/operating_points/0/threshold", threshold, ""};
    CHECK(message_of(spoiled(chest_manifest(), change)) == "$.labels[0].operating_points[0].threshold is " +
                                                               std::string(threshold) +
                                                               ", expected a number over 0 and below 1");
  }
  auto twice = chest_manifest();
  twice["labels"][0]["operating_points"].push_back(twice["labels"][0]["operating_points"][0]);
  CHECK(message_of(twice) ==
        R"($.labels[0].operating_points[1].name is "youden", expected every name once in a label)");
}

TEST_CASE("output, self-test and card are checked field by field") {
  constexpr Spoiled changes[] = {
      {"/output/activation", "\"relu\"",
       R"($.output.activation is "relu", expected one of "softmax", "sigmoid", "sigmoid_operating_point")"},
      {"/output/temperature", "0", "$.output.temperature is 0, expected a number from 1e-6 to 1e6"},
      {"/output/temperature", "-1.0", "$.output.temperature is -1.0, expected a number from 1e-6 to 1e6"},
      {"/self_test/input", "\"../x.png\"",
       R"($.self_test.input is "../x.png", expected a file inside the bundle folder (a relative path with "/" and without ".."))"},
      {"/self_test/logits/0", "1e300", "$.self_test.logits[0] is 1e+300, expected a number that float32 can hold"},
      {"/self_test/logits/1", "null", "$.self_test.logits[1] is null, expected a number that float32 can hold"},
      {"/self_test/tolerance", "0", "$.self_test.tolerance is 0, expected a number over 0 and at most 1"},
      {"/self_test/tolerance", "", "$.self_test.tolerance is missing, expected a number over 0 and at most 1"},
      {"/card/license", "", "$.card.license is missing, expected a string"},
      {"/card/author", "\"me\"",
       R"($.card.author is an unknown field, expected one of "intended_use", "training_data", "limitations", "license", "warning")"},
  };
  check_messages(skin_manifest(), changes);
}

TEST_CASE("a manifest over 1 MiB, one that is no JSON and one with a field twice are refused") {
  std::string large = skin_manifest().dump();
  large.resize((1U << 20U) + 1, ' ');
  CHECK(message_of_text(large) == "the file is larger than 1048576 bytes, expected a mediscan.json of at most 1 MiB");
  large.resize(1U << 20U);
  CHECK_NOTHROW(parse_text(large));
  CHECK(message_of_text("{\"mediscan_bundle\": NaN}").starts_with("not valid JSON: parse error at line 1, column 21"));
  std::string twice = skin_manifest().dump();
  twice.insert(1, R"("name": "other", )");
  CHECK(message_of_text(twice) == "$.name is a duplicate field, expected every field once");
}

/// skin_manifest() with leave for two precisions.
static nlohmann::json manifest_with_precision() {
  auto manifest = skin_manifest();
  manifest["precision"] = nlohmann::json::parse(R"({"allowed": ["bf16", "int8"], "probability_tolerance": 0.01})");
  return manifest;
}

TEST_CASE("a bundle allows precisions below fp32 by name, with its tolerance, and none when it says nothing") {
  CHECK_FALSE(parse(skin_manifest()).precision.has_value());
  const auto precision = parse(manifest_with_precision()).precision;
  REQUIRE(precision.has_value());
  CHECK(precision->allowed == std::vector<std::string>{"bf16", "int8"});
  CHECK(precision->probability_tolerance == 0.01);
}

TEST_CASE("faults in the precisions are told with their place") {
  const Spoiled changes[] = {
      {"/precision", "[]", "$.precision is an array of 0 elements, expected an object"},
      {"/precision/allowd", "1",
       "$.precision.allowd is an unknown field, expected one of \"allowed\", \"probability_tolerance\""},
      {"/precision/allowed", "", "$.precision.allowed is missing, expected an array of 1 to 3 elements"},
      {"/precision/allowed", "[]",
       "$.precision.allowed is an array of 0 elements, expected an array of 1 to 3 elements"},
      {"/precision/allowed/1", "\"fp8\"",
       "$.precision.allowed[1] is \"fp8\", expected one of \"bf16\", \"fp16\", \"int8\""},
      {"/precision/allowed/1", "\"fp32\"",
       "$.precision.allowed[1] is \"fp32\", expected one of \"bf16\", \"fp16\", \"int8\""},
      {"/precision/allowed/1", "\"bf16\"", "$.precision.allowed[1] is \"bf16\", expected every precision once"},
      {"/precision/probability_tolerance", "",
       "$.precision.probability_tolerance is missing, expected a number over 0 and at most 0.5"},
      {"/precision/probability_tolerance", "0",
       "$.precision.probability_tolerance is 0, expected a number over 0 and at most 0.5"},
      {"/precision/probability_tolerance", "0.6",
       "$.precision.probability_tolerance is 0.6, expected a number over 0 and at most 0.5"},
  };
  check_messages(manifest_with_precision(), changes);
}
