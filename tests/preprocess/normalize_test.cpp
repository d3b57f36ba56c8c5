#include "preprocess/normalize.hpp"

#include <doctest/doctest.h>

#include "pictures.hpp"
#include "preprocess/pipeline.hpp"

using namespace mediscan;

namespace {

PreprocessSpec imagenet() {
  PreprocessSpec spec;
  spec.mean = {0.485F, 0.456F, 0.406F};
  spec.std = {0.229F, 0.224F, 0.225F};
  return spec;
}

}  // namespace

TEST_CASE("each value is (v / max - mean) / std in float32, for 8 and 12 bits") {
  for (const std::uint32_t bits : {8U, 12U}) {
    const test::PictureOf of{19, 7, 3, bits};
    const Tensor tensor = preprocess(test::picture(of), imagenet());
    const auto max = static_cast<float>((1U << bits) - 1U);
    for (std::uint32_t c = 0; c < 3; ++c) {
      const float unit = static_cast<float>(test::sample_of(of, 5, 3, c)) / max;
      CHECK(tensor.values[(c * 7 + 3) * 19 + 5] == (unit - imagenet().mean[c]) / imagenet().std[c]);
    }
  }
}

TEST_CASE(
    "the xrv range is -1024 for 0 and 1024 for the largest value, at every depth") {  // torchxrayvision.utils.normalize
  for (const std::uint32_t bits : {8U, 10U, 16U}) {
    PreprocessSpec spec;
    spec.color = ColorMode::gray;
    spec.scale = Scale::xrv;
    const Tensor tensor = preprocess(test::picture({4, 5, 1, bits, test::Pattern::blocks}), spec);
    CHECK(tensor.values.front() == -1024.0F);
    CHECK(tensor.values[3] == 1024.0F);
  }
}

TEST_CASE("nhwc holds the same values as nchw, in its own order") {
  for (const std::uint32_t bits : {8U, 16U}) {
    PreprocessSpec spec = imagenet();
    spec.crop = CropStep{31, 12};  // pads rows, cuts columns
    const Image image = test::picture({23, 17, 3, bits});
    const Tensor planes = preprocess(image, spec);
    spec.layout = Layout::nhwc;
    const Tensor pixels = preprocess(image, spec);
    REQUIRE(pixels.layout == Layout::nhwc);
    REQUIRE(pixels.values.size() == planes.values.size());
    for (std::size_t i = 0; i < std::size_t{31} * 12; ++i) {
      for (std::size_t c = 0; c < 3; ++c) REQUIRE(pixels.values[i * 3 + c] == planes.values[c * 31 * 12 + i]);
    }
  }
}

TEST_CASE("padding is a zero that was scaled and normalised like any other") {
  PreprocessSpec spec = imagenet();
  spec.crop = CropStep{9, 9};
  const Tensor tensor = preprocess(test::picture({3, 3, 3, 8, test::Pattern::blocks}), spec);
  for (std::size_t c = 0; c < 3; ++c) CHECK(tensor.values[c * 81] == (0.0F - spec.mean[c]) / spec.std[c]);
}
