#include "preprocess/pipeline.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cmath>
#include <iostream>
#include <vector>

#include "errors.hpp"
#include "forked.hpp"
#include "pictures.hpp"
#include "preprocess/normalize.hpp"

using namespace mediscan;

namespace {

PreprocessSpec evaluation() {
  PreprocessSpec spec;
  spec.resize = ResizeStep{};
  spec.crop = CropStep{};
  return spec;
}

}  // namespace

TEST_CASE("preprocess_into fills the caller's memory with what preprocess returns") {
  const Image image = test::picture({300, 280, 3, 8});
  const Tensor tensor = preprocess(image, evaluation());
  CHECK(recipe::output_size(280, 300, evaluation()) == std::pair{224U, 224U});
  CHECK(tensor.channels == 3);
  CHECK(tensor.height == 224);
  CHECK(tensor.width == 224);
  std::vector<float> out(std::size_t{3} * 224 * 224);
  recipe::preprocess_into(image, evaluation(), out);
  CHECK(out == tensor.values);
}

TEST_CASE("samples, once normalised, are the very tensor that preprocess returns") {
  const auto check = [](const Image& image, const PreprocessSpec& spec) {
    const Tensor tensor = preprocess(image, spec);
    std::vector<std::uint8_t> samples(tensor.values.size());
    REQUIRE(recipe::gives_bytes(image, spec));
    recipe::samples_into(image::Excerpt(image), spec, samples, 2);
    CHECK(samples == recipe::preprocess_to_pixels(image, spec).bytes);
    std::vector<float> values(samples.size());
    recipe::normalize_samples(spec, samples, tensor.height, tensor.width, values);
    CHECK(values == tensor.values);
    const auto by_byte = values_of_bytes(spec);
    REQUIRE(by_byte.size() == std::size_t{256} * spec.channels());
    const std::size_t pixel = std::size_t{tensor.height} / 2 * tensor.width + tensor.width / 2;
    for (std::uint32_t c = 0; c < spec.channels(); ++c) {
      const std::size_t at = spec.layout == Layout::nhwc ? pixel * spec.channels() + c
                                                         : c * std::size_t{tensor.height} * tensor.width + pixel;
      CHECK(tensor.values[at] == by_byte[c * 256 + samples[pixel * spec.channels() + c]]);
    }
  };
  PreprocessSpec spec = evaluation();
  spec.mean = {0.485F, 0.456F, 0.406F};
  spec.std = {0.229F, 0.224F, 0.225F};
  for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
    spec.layout = layout;
    check(test::picture({300, 280, 3, 8}), spec);
    check(test::picture({300, 280, 1, 8}), spec);    // grey, repeated
    check(test::picture({1700, 1500, 3, 8}), spec);  // by two threads
    PreprocessSpec padded = spec;
    padded.resize.reset();
    check(test::picture({100, 90, 3, 8}), padded);
    PreprocessSpec thumbnail = spec;
    thumbnail.thumbnail = ThumbnailStep{260, Filter::lanczos, 2.0};
    check(test::picture({700, 600, 3, 8}), thumbnail);
    PreprocessSpec gray = evaluation();
    gray.layout = layout;
    gray.color = ColorMode::gray;
    gray.scale = Scale::xrv;
    check(test::picture({300, 280, 3, 8}), gray);
  }
}

TEST_CASE("a picture whose samples are no bytes gives none, and memory of the wrong size is refused") {
  PreprocessSpec floats = evaluation();
  floats.resize->arithmetic = ResizeStep::Arithmetic::float32;
  const Image bytes = test::picture({30, 30, 1, 8});
  const Image words = test::picture({30, 30, 1, 12});
  CHECK_FALSE(recipe::gives_bytes(words, evaluation()));
  CHECK_FALSE(recipe::gives_bytes(bytes, floats));
  std::vector<std::uint8_t> out(std::size_t{3} * 224 * 224);
  const auto code_of = [&](const Image& image, const PreprocessSpec& spec) {
    return test::error_of([&] { recipe::samples_into(image::Excerpt(image), spec, out, 1); }).code();
  };
  CHECK(code_of(words, evaluation()) == ErrorCode::invalid_argument);
  CHECK(code_of(bytes, floats) == ErrorCode::invalid_argument);
  out.pop_back();
  CHECK(code_of(bytes, evaluation()) == ErrorCode::invalid_argument);
  PreprocessSpec invalid = evaluation();
  invalid.std = {0, 1, 1};
  CHECK(test::error_of([&] { (void)values_of_bytes(invalid); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("memory of the wrong size is an error that says both sizes") {
  std::vector<float> out(10);
  const Error error = test::error_of([&] { recipe::preprocess_into(test::picture({9, 9}), evaluation(), out); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK(test::contains(error.message(), "room for 10 values, the tensor is 3 x 224 x 224 = 150528"));
}

TEST_CASE("an invalid recipe is refused by every entry") {
  PreprocessSpec spec = evaluation();
  spec.crop->width = 0;
  const Image image = test::picture({9, 9});
  std::vector<float> out(1);
  CHECK(test::error_of([&] { (void)preprocess(image, spec); }).code() == ErrorCode::invalid_argument);
  CHECK(test::error_of([&] { recipe::preprocess_into(image, spec, out); }).code() == ErrorCode::invalid_argument);
  CHECK(test::error_of([&] { (void)recipe::preprocess_to_pixels(image, spec); }).code() == ErrorCode::invalid_argument);
  CHECK(test::error_of([&] { (void)recipe::output_size(9, 9, spec); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("uint8 arithmetic on a 16-bit picture is UNSUPPORTED") {
  PreprocessSpec spec = evaluation();
  spec.resize->arithmetic = ResizeStep::Arithmetic::uint8;
  const Error error = test::error_of([&] { (void)preprocess(test::picture({30, 30, 1, 12}), spec); });
  CHECK(error.code() == ErrorCode::unsupported);
  CHECK(test::contains(error.message(), "12 bits"));
  CHECK_NOTHROW(preprocess(test::picture({30, 30, 1, 8}), spec));
}

TEST_CASE("a reducing step over more pixels than Pillow's arithmetic holds is LIMIT_EXCEEDED") {
  PreprocessSpec spec;
  spec.thumbnail = ThumbnailStep{1, Filter::box, 1.0};
  const Error error = test::error_of([&] { (void)preprocess(test::picture({2100, 2100, 1, 8}), spec); });
  CHECK(error.code() == ErrorCode::limit_exceeded);
  CHECK(test::contains(error.message(), "4410000 pixels into one"));
}

TEST_CASE("grey of 16-bit RGB is Pillow's formula on the integers") {
  const test::PictureOf of{5, 4, 3, 16};
  PreprocessSpec spec;
  spec.color = ColorMode::gray;
  const auto block = recipe::preprocess_to_pixels(test::picture(of), spec);
  REQUIRE(block.floats.size() == 20);
  const std::uint64_t sum = std::uint64_t{19595} * test::sample_of(of, 2, 3, 0) +
                            std::uint64_t{38470} * test::sample_of(of, 2, 3, 1) +
                            std::uint64_t{7471} * test::sample_of(of, 2, 3, 2) + 32768;
  CHECK(block.floats[3 * 5 + 2] == static_cast<float>(sum >> 16));
}

TEST_CASE("float32 arithmetic on an 8-bit picture stays within one level of the rounded path") {
  // Each 8-bit pass rounds by at most 1/2; bilinear weights are not negative and sum to 1.
  const Image image = test::picture({300, 200, 3, 8});
  PreprocessSpec spec = evaluation();
  const auto rounded = recipe::preprocess_to_pixels(image, spec);
  spec.resize->arithmetic = ResizeStep::Arithmetic::float32;
  const auto exact = recipe::preprocess_to_pixels(image, spec);
  REQUIRE(exact.floats.size() == rounded.bytes.size());
  for (std::size_t i = 0; i < exact.floats.size(); ++i) {
    REQUIRE(std::abs(exact.floats[i] - static_cast<float>(rounded.bytes[i])) <= 1.001F);
  }
}

TEST_CASE("the same picture and recipe give the same values again") {
  const Image image = test::picture({640, 480, 3, 8});
  CHECK(preprocess(image, evaluation()).values == preprocess(image, evaluation()).values);
}

TEST_CASE("a tensor that the process has no memory for is OUT_OF_MEMORY") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::cout << "MEDISCAN_SKIP: sanitizers need more address space than this test allows\n";
#else
  const Image image = test::picture({2, 2, 3, 8});
  PreprocessSpec spec;
  spec.resize = ResizeStep{ResizeStep::Mode::exact, 0, 8000, 8000, Filter::box};  // 768 MB of float32
  const int code = test::exit_code_of_child([&] {
    constexpr rlim_t half_a_gibibyte = rlim_t{512} << 20U;
    const rlimit limit{half_a_gibibyte, half_a_gibibyte};
    try {
      if (setrlimit(RLIMIT_AS, &limit) == 0) (void)preprocess(image, spec);
    } catch (const Error& error) {
      return error.code() == ErrorCode::out_of_memory && error.stage() == Stage::preprocess ? 0 : 2;
    }
    return 1;
  });
  CHECK(code == 0);
#endif
}
