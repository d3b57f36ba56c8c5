#include <doctest/doctest.h>

#include "errors.hpp"
#include "image/precheck.hpp"
#include "pictures.hpp"

using namespace mediscan;
using namespace mediscan::test;

namespace {

void check(const ByteVector& png) { image::check_image_data(png, image::precheck_png(png, {})); }

ByteVector grey_of(const std::vector<ByteVector>& chunks) {
  auto all = chunks;
  all.push_back(png_chunk("IEND", {}));
  return png_of(4, 4, 8, 0, all);
}

}  // namespace

TEST_CASE("image data of every good PNG is exactly what the header announces") {
  for (const auto& picture : pictures()) {
    if (!picture.name.ends_with(".png")) continue;
    CAPTURE(picture.name);
    CHECK_NOTHROW(check(picture.bytes));
  }
}

TEST_CASE("image data that is too short, too long, damaged or followed by more is an error") {
  const auto rows = deflated(ByteVector(20));  // 4 rows of a filter byte and 4 pixels
  const auto message = [](const ByteVector& png) { return error_of([&] { check(png); }).message(); };
  CHECK_NOTHROW(check(grey_of({png_chunk("IDAT", rows)})));
  CHECK(contains(message(grey_of({png_chunk("IDAT", deflated(ByteVector(19)))})), "inflates to 19 of the 20 bytes"));
  CHECK(contains(message(grey_of({png_chunk("IDAT", deflated(ByteVector(21)))})), "more than the 20 bytes"));
  CHECK(contains(message(grey_of({png_chunk("IDAT", rows + bytes_of("x"))})), "but its IDAT chunk goes on"));
  CHECK(contains(message(grey_of({png_chunk("IDAT", rows), png_chunk("IDAT", bytes_of("x"))})),
                 "but its IDAT chunk goes on"));

  auto wrong_checksum = rows;
  wrong_checksum.back() ^= std::byte{1};
  CHECK(contains(message(grey_of({png_chunk("IDAT", wrong_checksum)})), "incorrect data check"));
  const ByteVector without_checksum(rows.begin(), rows.end() - 2);
  CHECK(error_of([&] { check(grey_of({png_chunk("IDAT", without_checksum)})); }).code() == ErrorCode::corrupt_image);
}
