#include <doctest/doctest.h>

#include "errors.hpp"
#include "image/limits.hpp"

using namespace mediscan;
using namespace mediscan::test;

TEST_CASE("each limit is named with its value and what was found") {
  const Limits limits;
  const auto side = error_of([&] { image::check_size(16385, 1, 3, limits); });
  CHECK(side.code() == ErrorCode::limit_exceeded);
  CHECK(side.stage() == Stage::decode);
  CHECK(side.message() == "picture is 16385 x 1 pixels; the limit max_side is 16384");
  CHECK(contains(side.hint(), "DecodeOptions::limits.max_side"));
  CHECK(error_of([&] { image::check_size(1, 16385, 3, limits); }).code() == ErrorCode::limit_exceeded);

  const auto pixels = error_of([&] { image::check_size(8001, 8000, 1, limits); });
  CHECK(pixels.message() == "picture is 8001 x 8000 = 64008000 pixels; the limit max_pixels is 64000000");

  const auto decoded = error_of([&] { image::check_size(8000, 8000, 6, limits); });
  CHECK(contains(decoded.message(), "max_decoded_bytes is 268435456"));

  const auto file = error_of([&] { image::check_file_bytes((64U << 20U) + 1, limits); });
  CHECK(file.message() == "file has 67108865 bytes; the limit max_file_bytes is 67108864");
}

TEST_CASE("what is just within the limits passes") {
  const Limits limits;
  CHECK_NOTHROW(image::check_size(16384, 3906, 3, limits));
  CHECK_NOTHROW(image::check_size(8000, 8000, 3, limits));
  CHECK_NOTHROW(image::check_file_bytes(64U << 20U, limits));
}

TEST_CASE("limits raised to their utmost do not overflow") {
  const Limits limits{
      .max_pixels = UINT64_MAX, .max_side = UINT32_MAX, .max_decoded_bytes = UINT64_MAX, .max_file_bytes = UINT64_MAX};
  const auto error = error_of([&] { image::check_size(UINT32_MAX, UINT32_MAX, 6, limits); });
  CHECK(contains(error.message(), "max_decoded_bytes"));
}
