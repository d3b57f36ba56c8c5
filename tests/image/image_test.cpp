#include <doctest/doctest.h>

#include "errors.hpp"
#include "forked.hpp"
#include "pictures.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iostream>
#include <vector>

using namespace mediscan;
using namespace mediscan::test;

TEST_CASE("pixels become an Image, packed, with their record") {
  const std::array<std::uint8_t, 10> rows{1, 2, 3, 99, 99, 4, 5, 6, 99, 99};  // two rows of 3, five bytes apart
  const auto image = Image::from_pixels(
      {.data = rows.data(), .width = 3, .height = 2, .channels = 1, .bits = 8, .row_bytes = 5}, "slide");
  CHECK(std::ranges::equal(image.pixels(), bytes_of({1, 2, 3, 4, 5, 6})));
  CHECK(image.row_bytes() == 3);
  CHECK(image.max_value() == 255);
  CHECK(image.info().name == "slide");
  CHECK(image.info().format == "pixels");
  CHECK(image.info().source_mode == "grey");
  CHECK(image.info().decoder.empty());
  // printf '\1\2\3\4\5\6' | sha256sum
  CHECK(image.info().sha256 == "7192385c3c0605de55bb9476ce1d90748190ecb32a8eed7f5207b30cf6a1fe89");
}

TEST_CASE("alpha of pixels is dropped with a warning") {
  const std::array<std::uint8_t, 8> rgba{1, 2, 3, 255, 4, 5, 6, 0};
  const auto image = Image::from_pixels({.data = rgba.data(), .width = 2, .height = 1, .channels = 4});
  CHECK(std::ranges::equal(image.pixels(), bytes_of({1, 2, 3, 4, 5, 6})));
  CHECK(image.info().source_mode == "rgba");
  REQUIRE(image.info().warnings.size() == 1);
  CHECK(image.info().warnings[0].code == "ALPHA_DROPPED");
}

TEST_CASE("12-bit samples keep their bits, and one beyond them is refused") {
  std::array<std::uint16_t, 4> samples{0, 4095, 17, 2048};
  const PixelView view{.data = samples.data(), .width = 2, .height = 2, .channels = 1, .bits = 12};
  const auto image = Image::from_pixels(view);
  CHECK(image.bits() == 12);
  CHECK(image.bytes_per_sample() == 2);
  CHECK(image.max_value() == 4095);
  samples[3] = 4096;
  const auto error = error_of([&] { Image::from_pixels(view, "ct"); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK(error.message() == "ct: sample 4096 at pixel (1, 1) is beyond the 4095 of 12 bits");
}

TEST_CASE("views that contradict themselves are refused") {
  const std::array<std::uint8_t, 64> some{};
  const PixelView good{.data = some.data(), .width = 4, .height = 4, .channels = 1};
  const auto code_of = [&](auto change) {
    PixelView view = good;
    change(view);
    return error_of([&] { Image::from_pixels(view); }).code();
  };
  CHECK_NOTHROW(Image::from_pixels(good));
  CHECK(code_of([](PixelView& v) { v.data = nullptr; }) == ErrorCode::invalid_argument);
  CHECK(code_of([](PixelView& v) { v.width = 0; }) == ErrorCode::invalid_argument);
  CHECK(code_of([](PixelView& v) { v.height = 0; }) == ErrorCode::invalid_argument);
  CHECK(code_of([](PixelView& v) { v.channels = 2; }) == ErrorCode::invalid_argument);
  CHECK(code_of([](PixelView& v) { v.bits = 7; }) == ErrorCode::invalid_argument);
  CHECK(code_of([](PixelView& v) { v.bits = 17; }) == ErrorCode::invalid_argument);
  CHECK(code_of([](PixelView& v) { v.row_bytes = 3; }) == ErrorCode::invalid_argument);
  CHECK(code_of([](PixelView& v) { v.width = 20000; }) == ErrorCode::limit_exceeded);
}

TEST_CASE("copies of an Image share its pixels") {
  const auto image = Image::decode(picture("grey_8.png").bytes);
  const Image copy = image;  // NOLINT(performance-unnecessary-copy-initialization): the copy is what is tested
  CHECK(copy.pixels().data() == image.pixels().data());
}

TEST_CASE("a picture that the process has no memory for is OUT_OF_MEMORY") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::cout << "MEDISCAN_SKIP: sanitizers need more address space than this test allows\n";
#else
  const std::vector<std::uint16_t> samples(std::size_t{8000} * 8000 * 3, 0);
  const int code = exit_code_of_child([&] {
    constexpr rlim_t no_room_for_a_copy = rlim_t{512} << 20U;
    const rlimit limit{no_room_for_a_copy, no_room_for_a_copy};
    try {
      const PixelView view{.data = samples.data(), .width = 8000, .height = 8000, .channels = 3, .bits = 16};
      if (setrlimit(RLIMIT_AS, &limit) == 0) (void)Image::from_pixels(view, "huge", {.max_decoded_bytes = 1U << 30U});
    } catch (const Error& error) {
      return error.code() == ErrorCode::out_of_memory && error.stage() == Stage::decode ? 0 : 2;
    }
    return 1;
  });
  CHECK(code == 0);
#endif
}

TEST_CASE("large pictures hold every pixel, to the last") {
  // Beyond the size where memory comes in huge pages.
  const std::uint32_t width = 3001;
  const std::uint32_t height = 1999;
  std::vector<std::uint8_t> samples(std::size_t{width} * height * 3);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::uint8_t>(i * 31 >> 3U);
  const auto image = Image::from_pixels({.data = samples.data(), .width = width, .height = height, .channels = 3});
  CHECK(std::memcmp(image.pixels().data(), samples.data(), samples.size()) == 0);
}
