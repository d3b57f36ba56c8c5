#include "image/jpeg_part.hpp"

#include <doctest/doctest.h>

using namespace mediscan::image;

namespace {

/// Three components, the first sampled h x v.
JpegStructure jpeg(std::uint32_t width, std::uint32_t height, std::uint32_t h, std::uint32_t v, std::size_t bytes = 0) {
  JpegStructure structure;
  structure.width = width;
  structure.height = height;
  structure.component_count = 3;
  structure.components[0] = {1, h, v, 0};
  structure.color = JpegColor::ycbcr;
  structure.scans = 1;
  structure.end = bytes;
  return structure;
}

}  // namespace

TEST_CASE("sequential pictures of one scan in the usual samplings can be decoded in part") {
  CHECK(can_decode_part(jpeg(100, 100, 1, 1)));
  CHECK(can_decode_part(jpeg(100, 100, 2, 1)));
  CHECK(can_decode_part(jpeg(100, 100, 1, 2)));
  CHECK(can_decode_part(jpeg(100, 100, 2, 2)));
  CHECK(can_decode_part(jpeg(100, 100, 4, 1)));
  CHECK_FALSE(can_decode_part(jpeg(100, 100, 4, 2)));
  CHECK_FALSE(can_decode_part(jpeg(100, 100, 1, 4)));
  CHECK_FALSE(can_decode_part(jpeg(100, 100, 3, 1)));

  auto other = jpeg(100, 100, 2, 2);
  other.progressive = true;
  CHECK_FALSE(can_decode_part(other));
  other = jpeg(100, 100, 2, 2);
  other.scans = 3;
  CHECK_FALSE(can_decode_part(other));
  other = jpeg(100, 100, 2, 2);
  other.components[2].horizontal = 2;
  CHECK_FALSE(can_decode_part(other));
  other = jpeg(100, 100, 1, 1);
  other.component_count = 4;
  CHECK_FALSE(can_decode_part(other));
  other.component_count = 1;
  CHECK(can_decode_part(other));
  other.components[0].vertical = 2;
  CHECK_FALSE(can_decode_part(other));
}

TEST_CASE("a window gets whole rows of coded units, and one more unit on either side") {
  const auto picture = jpeg(400, 300, 2, 2);  // units of 16 x 16
  CHECK(with_margin({100, 100, 50, 50}, picture) == Window{80, 96, 96, 64});
  CHECK(with_margin({96, 96, 16, 16}, picture) == Window{80, 96, 48, 16});
  CHECK(with_margin({0, 0, 1, 1}, picture) == Window{0, 0, 32, 16});
  CHECK(with_margin({399, 299, 1, 1}, picture) == Window{368, 288, 32, 12});
  CHECK(with_margin({100, 100, 50, 50}, jpeg(400, 300, 4, 1)) == Window{64, 96, 128, 56});  // units of 32 x 8
}

TEST_CASE("in a picture of reduced sides units are as many times smaller") {
  const auto picture = jpeg(401, 300, 2, 2);  // units of 16 x 16: of 4 x 4 at 1/4, 2 x 2 at 1/8
  CHECK(with_margin({25, 25, 10, 10}, picture, 4) == Window{20, 24, 20, 12});
  CHECK(with_margin({100, 74, 1, 1}, picture, 4) == Window{96, 72, 5, 3});  // 101 x 75 in all
  CHECK(with_margin({25, 25, 10, 10}, picture, 8) == Window{22, 24, 16, 12});
  CHECK(with_margin({25, 25, 10, 10}, jpeg(400, 300, 1, 1), 8) == Window{24, 25, 12, 10});
}

TEST_CASE("rows are shared so that both threads take as long, the second having all coded bytes to read") {
  const auto smooth = jpeg(4000, 3000, 2, 2, 300'000);
  const RowShare half = share_rows({0, 0, 4000, 3000}, smooth);
  CHECK(half.split % 16 == 0);
  CHECK(half.split > 1500);  // the first thread has less to read, so more to transform
  CHECK(half.saved_fraction > 0.3);
  CHECK(half.saved_fraction < 0.5);
  const RowShare detailed = share_rows({0, 0, 4000, 3000}, jpeg(4000, 3000, 2, 2, 3'000'000));
  CHECK(detailed.split > half.split);
  CHECK(detailed.saved_fraction < half.saved_fraction);
}

TEST_CASE("where reading takes nearly all of the time one thread does it") {
  const RowShare share = share_rows({1990, 1490, 20, 20}, jpeg(4000, 3000, 2, 2, 20'000'000));
  CHECK(share.split == 1510);
  CHECK(share.saved_fraction == 0);
}
