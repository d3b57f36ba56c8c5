// The recipe's JSON in both directions.
#include "bundle/spec_json.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "manifest_example.hpp"

using namespace mediscan;
using namespace mediscan::test;
using nlohmann::json;

namespace {

PreprocessSpec read(std::string_view input) {
  const json tree = {{"input", json::parse(input)}};
  return bundle::read_spec(bundle::JsonReader(tree, "doc").field("input"));
}

/// Every step present and nothing at its default.
PreprocessSpec full_spec() {
  PreprocessSpec spec;
  spec.color = ColorMode::gray;
  spec.thumbnail = ThumbnailStep{512, Filter::box, 2.5};
  spec.square_crop = true;
  spec.resize = ResizeStep{.mode = ResizeStep::Mode::exact,
                           .size = 0,
                           .height = 200,
                           .width = 300,
                           .filter = Filter::bicubic,
                           .arithmetic = ResizeStep::Arithmetic::float32};
  spec.crop = CropStep{100, 120};
  spec.scale = Scale::xrv;
  spec.mean = {0.1F};
  spec.std = {1e-6F};
  spec.layout = Layout::nhwc;
  return spec;
}

}  // namespace

TEST_CASE("torchvision's recipe is read with its defaults") {
  const PreprocessSpec spec = read(
      R"({"color": "rgb", "resize": {"mode": "shorter", "size": 256, "filter": "bilinear"}, "crop": [224, 200],
          "scale": "unit", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]})");
  PreprocessSpec expected;
  expected.resize = ResizeStep{.mode = ResizeStep::Mode::shorter, .size = 256, .filter = Filter::bilinear};
  expected.crop = CropStep{.height = 224, .width = 200};
  expected.mean = {0.485F, 0.456F, 0.406F};
  expected.std = {0.229F, 0.224F, 0.225F};
  CHECK(spec == expected);
}

TEST_CASE("every name of every choice is read") {
  for (const auto& [name, filter] : {std::pair{"box", Filter::box}, std::pair{"bilinear", Filter::bilinear},
                                     std::pair{"bicubic", Filter::bicubic}, std::pair{"lanczos", Filter::lanczos}}) {
    const auto spec = read(R"({"color": "rgb", "thumbnail": {"max_side": 1024, "filter": ")" + std::string(name) +
                           R"("}, "crop": [1, 1], "scale": "unit"})");
    CHECK(spec.thumbnail == ThumbnailStep{1024, filter, std::nullopt});
  }
  CHECK(read(R"({"color": "gray", "crop": [1, 1], "scale": "xrv", "layout": "nhwc"})").layout == Layout::nhwc);
  const auto longer = read(
      R"({"color": "rgb", "resize": {"mode": "longer", "size": 9, "filter": "box", "arithmetic": "uint8"}, "crop": [1, 1], "scale": "unit"})");
  CHECK(longer.resize->mode == ResizeStep::Mode::longer);
  CHECK(longer.resize->arithmetic == ResizeStep::Arithmetic::uint8);
}

TEST_CASE("the canonical form has every field, in a fixed order, with the shortest numbers") {
  CHECK(canonical_json(full_spec()) ==
        R"({"color":"gray","thumbnail":{"max_side":512,"filter":"box","reducing_gap":2.5},"square_crop":true,)"
        R"("resize":{"mode":"exact","size":[200,300],"filter":"bicubic","arithmetic":"float32"},"crop":[100,120],)"
        R"("scale":"xrv","mean":[0.1],"std":[1e-06],"layout":"nhwc"})");
  CHECK(
      canonical_json({}) ==
      R"({"color":"rgb","thumbnail":null,"square_crop":false,"resize":null,"crop":null,"scale":"unit","mean":[],"std":[],"layout":"nchw"})");
}

TEST_CASE("what is written is read back as the same recipe") {
  for (PreprocessSpec spec : {full_spec(), parse(skin_manifest()).input, parse(chest_manifest()).input}) {
    CHECK(read(canonical_json(spec)) == spec);
    spec.resize->arithmetic = ResizeStep::Arithmetic::uint8;
    CHECK(read(canonical_json(spec)) == spec);
  }
}

TEST_CASE("recipes that differ have canonical forms that differ, down to the last bit of a number") {
  PreprocessSpec spec = full_spec();
  const std::string before = canonical_json(spec);
  spec.mean[0] = std::nextafter(spec.mean[0], 1.0F);
  CHECK(canonical_json(spec) != before);
}

TEST_CASE("a recipe made in a program with a number that is not finite has no canonical form") {
  PreprocessSpec spec = full_spec();
  spec.mean[0] = std::numeric_limits<float>::quiet_NaN();
  const auto error = error_of([&] { canonical_json(spec); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK(contains(error.message(), "not finite"));
}

TEST_CASE("a misspelt filter is reported as the documentation promises") {
  auto manifest = skin_manifest();
  manifest["input"]["resize"]["filter"] = "biliner";
  CHECK(
      error_of([&] { parse(manifest); }).message() ==
      R"(skin/mediscan.json: $.input.resize.filter is "biliner", expected one of "box", "bilinear", "bicubic", "lanczos")");
}

TEST_CASE("the recipe is checked field by field") {
  constexpr Spoiled changes[] = {
      {"/input/color", "", R"($.input.color is missing, expected one of "rgb", "gray")"},
      {"/input/color", "\"RGB\"", R"($.input.color is "RGB", expected one of "rgb", "gray")"},
      {"/input/thumbnail", "1024", "$.input.thumbnail is 1024, expected an object"},
      {"/input/thumbnail", R"({"filter": "box"})",
       "$.input.thumbnail.max_side is missing, expected a whole number from 1 to 16384"},
      {"/input/thumbnail", R"({"max_side": 9, "filter": "box", "reducing_gap": 0.5})",
       "$.input.thumbnail.reducing_gap is 0.5, expected a number from 1 to 1000"},
      {"/input/square_crop", "\"true\"", "$.input.square_crop is \"true\", expected true or false"},
      {"/input/resize/mode", "\"fit\"",
       R"($.input.resize.mode is "fit", expected one of "shorter", "longer", "exact")"},
      {"/input/resize/size", "0", "$.input.resize.size is 0, expected a whole number from 1 to 16384"},
      {"/input/resize/size", "[256, 256]",
       "$.input.resize.size is an array of 2 elements, expected a whole number from 1 to 16384"},
      {"/input/resize/mode", "\"exact\"", "$.input.resize.size is 256, expected an array of 2 elements"},
      {"/input/resize/arithmetic", "\"int8\"",
       R"($.input.resize.arithmetic is "int8", expected one of "auto", "uint8", "float32")"},
      {"/input/resize/antialias", "true",
       R"($.input.resize.antialias is an unknown field, expected one of "mode", "size", "filter", "arithmetic")"},
      {"/input/crop", "224", "$.input.crop is 224, expected an array of 2 elements"},
      {"/input/crop", "[224, 16385]", "$.input.crop[1] is 16385, expected a whole number from 1 to 16384"},
      {"/input/scale", "\"255\"", R"($.input.scale is "255", expected one of "unit", "xrv")"},
      {"/input/mean", "[0.5]", "$.input.mean is an array of 1 element, expected an array of 3 elements"},
      {"/input/mean", "[0.5, 0.5, \"0.5\"]", R"($.input.mean[2] is "0.5", expected a number that float32 can hold)"},
      {"/input/std", "[1, 1, 1e39]", "$.input.std[2] is 1e+39, expected a number that float32 can hold"},
      {"/input/layout", "\"NCHW\"", R"($.input.layout is "NCHW", expected one of "nchw", "nhwc")"},
      {"/input/colour", "\"rgb\"",
       R"($.input.colour is an unknown field, expected one of "color", "thumbnail", "square_crop", "resize", "crop", "scale", "mean", "std", )"
       R"("layout")"},
  };
  check_messages(skin_manifest(), changes);
}

TEST_CASE("what validate() says of a recipe is said of the manifest, at $.input") {
  auto manifest = skin_manifest();
  manifest["input"]["std"] = {1.0, 0.0, 1.0};
  const auto message = message_of(manifest);
  CHECK(message.starts_with("$.input: "));
  CHECK(contains(message, "std"));
}

TEST_CASE("a recipe must fix the size of the tensor") {
  constexpr const char* message =
      "$.input is a recipe whose tensor size depends on the picture, expected a crop, an exact resize, or square_crop "
      "with a resize";
  auto manifest = skin_manifest();
  manifest["input"].erase("crop");
  CHECK(message_of(manifest) == message);
  manifest["input"].erase("resize");
  CHECK(message_of(manifest) == message);
  manifest["input"]["square_crop"] = true;
  CHECK(message_of(manifest) == message);
}

TEST_CASE("the size is that of the last step that fixes it") {
  using Size = std::pair<std::uint32_t, std::uint32_t>;
  PreprocessSpec spec = full_spec();
  CHECK(bundle::fixed_size(spec) == Size{100, 120});
  spec.crop.reset();
  CHECK(bundle::fixed_size(spec) == Size{200, 300});
  spec.resize->mode = ResizeStep::Mode::longer;
  spec.resize->size = 64;
  CHECK(bundle::fixed_size(spec) == Size{64, 64});
  spec.square_crop = false;
  CHECK_FALSE(bundle::fixed_size(spec));
  spec.resize.reset();
  CHECK_FALSE(bundle::fixed_size(spec));
}
