// Every set of kernels against goldens.json: the bytes that Pillow 13 and torchvision gave
// (tools/make_preprocess_goldens.py).
#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/hash.hpp"
#include "kernel_sets.hpp"
#include "pictures.hpp"
#include "preprocess/pipeline.hpp"

namespace {

using namespace mediscan;
using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "goldens hash little-endian bytes");

Filter filter_of(const json& name) {
  constexpr std::array names{"box", "bilinear", "bicubic", "lanczos"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return static_cast<Filter>(i);
  }
  throw std::runtime_error("no filter " + name.dump());
}

ResizeStep resize_of(const json& from) {
  ResizeStep step;
  step.filter = filter_of(from.at("filter"));
  const std::string mode = from.at("mode");
  step.mode = mode == "exact"    ? ResizeStep::Mode::exact
              : mode == "longer" ? ResizeStep::Mode::longer
                                 : ResizeStep::Mode::shorter;
  step.size = from.value("size", 0U);
  step.height = from.value("height", 0U);
  step.width = from.value("width", 0U);
  if (from.value("arithmetic", "") == "float32") step.arithmetic = ResizeStep::Arithmetic::float32;
  return step;
}

PreprocessSpec spec_of(const json& from) {
  PreprocessSpec spec;
  if (from.at("color") == "gray") spec.color = ColorMode::gray;
  if (from.at("scale") == "xrv") spec.scale = Scale::xrv;
  spec.square_crop = from.value("square_crop", false);
  if (from.contains("thumbnail")) {
    const json& step = from.at("thumbnail");
    spec.thumbnail = ThumbnailStep{step.at("max_side"), filter_of(step.at("filter")), std::nullopt};
    if (step.contains("reducing_gap")) spec.thumbnail->reducing_gap = step.at("reducing_gap").get<double>();
  }
  if (from.contains("resize")) spec.resize = resize_of(from.at("resize"));
  if (from.contains("crop")) spec.crop = CropStep{from.at("crop").at("height"), from.at("crop").at("width")};
  if (from.contains("mean")) {
    spec.mean = from.at("mean").get<std::vector<float>>();
    spec.std = from.at("std").get<std::vector<float>>();
  }
  return spec;
}

test::PictureOf picture_of(const json& from) {
  return {from.at("width"), from.at("height"), from.at("channels"), from.at("bits"),
          from.at("pattern") == "blocks" ? test::Pattern::blocks : test::Pattern::noise};
}

template <class Sample>
void check(const json& golden, const std::vector<Sample>& values) {
  for (const json& sample : golden.at("samples")) {
    CHECK(static_cast<double>(values.at(sample[0].get<std::size_t>())) == sample[1].get<double>());
  }
  CHECK(base::sha256_hex(std::as_bytes(std::span(values))) == golden.at("sha256").get<std::string>());
}

void check_all(const std::string& set) {
  const recipe::Kernels* kernels = test::kernel_set(set);
  if (kernels == nullptr) return;
  const json file = json::parse(std::ifstream(MEDISCAN_SOURCE_DIR "/tests/preprocess/goldens.json"));
  REQUIRE(file.at("cases").size() > 150);
  for (const json& golden : file.at("cases")) {
    CAPTURE(golden.at("picture").dump());
    CAPTURE(golden.at("spec").dump());
    const Image image = test::picture(picture_of(golden.at("picture")));
    const PreprocessSpec spec = spec_of(golden.at("spec"));
    const recipe::PixelBlock block = recipe::preprocess_to_pixels(image, spec, *kernels);
    REQUIRE(block.height == golden.at("height").get<std::uint32_t>());
    REQUIRE(block.width == golden.at("width").get<std::uint32_t>());
    if (block.floats.empty()) {
      check(golden.at("pixels"), block.bytes);
    } else {
      check(golden.at("pixels"), block.floats);
    }
    std::vector<float> tensor(std::size_t{block.channels} * block.height * block.width);
    recipe::preprocess_into(image, spec, tensor, *kernels);
    check(golden.at("tensor"), tensor);
  }
}

}  // namespace

TEST_CASE("portable kernels give the bytes of Pillow and torchvision") { check_all("portable"); }
TEST_CASE("AVX2 kernels give the bytes of Pillow and torchvision") { check_all("avx2"); }
TEST_CASE("emulated AVX-512 kernels give the bytes of Pillow and torchvision") { check_all("avx512 (emulated)"); }
TEST_CASE("AVX-512 kernels give the bytes of Pillow and torchvision") { check_all("avx512"); }
