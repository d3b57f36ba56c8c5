#include <doctest/doctest.h>

#include "image/exif.hpp"
#include "pictures.hpp"

using namespace mediscan::test;
using mediscan::image::exif_orientation;

namespace {

// TIFF header, one directory entry: tag, type, count, value.
ByteVector big(int tag, int type, int count, int value) {
  return bytes_of(
      {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, tag >> 8, tag & 255, 0, type, 0, 0, 0, count, 0, value, 0, 0, 0, 0, 0, 0});
}
ByteVector little(int tag, int type, int count, int value) {
  return bytes_of(
      {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, tag & 255, tag >> 8, type, 0, count, 0, 0, 0, value, 0, 0, 0, 0, 0, 0, 0});
}

}  // namespace

TEST_CASE("orientation is read in both byte orders") {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CHECK(exif_orientation(big(0x0112, 3, 1, orientation)) == orientation);
    CHECK(exif_orientation(little(0x0112, 3, 1, orientation)) == orientation);
  }
}

TEST_CASE("EXIF that is absent, impossible or damaged says orientation 1") {
  CHECK(exif_orientation({}) == 1);
  CHECK(exif_orientation(big(0x0113, 3, 1, 6)) == 1);     // another tag
  CHECK(exif_orientation(big(0x0112, 4, 1, 6)) == 1);     // not a SHORT
  CHECK(exif_orientation(big(0x0112, 3, 2, 6)) == 1);     // two of them
  CHECK(exif_orientation(little(0x0112, 3, 1, 0)) == 1);  // no such orientation
  CHECK(exif_orientation(little(0x0112, 3, 1, 9)) == 1);
  auto elsewhere = little(0x0112, 3, 1, 6);
  elsewhere[4] = elsewhere[5] = elsewhere[6] = elsewhere[7] = std::byte{0xff};  // the directory lies beyond the block
  CHECK(exif_orientation(elsewhere) == 1);
  auto magic = little(0x0112, 3, 1, 6);
  magic[2] = std::byte{43};
  CHECK(exif_orientation(magic) == 1);
}

TEST_CASE("EXIF that is cut anywhere inside its entry says orientation 1") {
  const auto whole = big(0x0112, 3, 1, 6);
  constexpr std::size_t behind_entry = 22;
  for (std::size_t size = 0; size < behind_entry; ++size) {
    CAPTURE(size);
    // A copy of exactly that size, so that a read beyond it is one that AddressSanitizer sees.
    const ByteVector cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(exif_orientation(cut) == 1);
  }
}
