// All eight orientations against Pillow's ImageOps.exif_transpose.
#include <doctest/doctest.h>

#include "errors.hpp"
#include "pictures.hpp"

#include <algorithm>

using namespace mediscan;
using namespace mediscan::test;

TEST_CASE("pictures are turned upright as Pillow's exif_transpose does, when asked") {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    const auto& picture = test::picture("upright_" + std::to_string(orientation) + ".png");
    const auto image = Image::decode(picture.bytes, {.apply_orientation = true});
    CHECK(largest_difference(image, picture) == 0);
    CHECK(image.info().exif_orientation == orientation);
    CHECK(image.info().orientation_applied == (orientation != 1));
    CHECK(image.info().warnings.empty());
  }
}

TEST_CASE("pixels stay as stored by default, with a warning that says so") {
  const auto stored = Image::decode(picture("upright_1.png").bytes);
  for (int orientation = 2; orientation <= 8; ++orientation) {
    const auto image = Image::decode(picture("upright_" + std::to_string(orientation) + ".png").bytes);
    CHECK(std::ranges::equal(image.pixels(), stored.pixels()));
    CHECK_FALSE(image.info().orientation_applied);
    REQUIRE(image.info().warnings.size() == 1);
    CHECK(image.info().warnings[0].code == "EXIF_ORIENTATION");
    CHECK(contains(image.info().warnings[0].message, "orientation " + std::to_string(orientation)));
  }
}

TEST_CASE("a JPEG's EXIF is read too") {
  const auto image = Image::decode(picture("orientation_6.jpg").bytes, {.apply_orientation = true});
  CHECK(image.width() == 24);  // stored as 40 x 24
  CHECK(image.height() == 40);
  CHECK(image.info().exif_orientation == 6);
}

TEST_CASE("16-bit pictures of one and three channels turn whole pixels") {
  for (const auto* name : {"grey_16.png", "rgb_16.png"}) {
    const auto& picture = test::picture(name);
    auto bytes = picture.bytes;
    const auto exif = png_chunk(
        "eXIf", bytes_of({'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0}));
    bytes.insert(bytes.begin() + 33, exif.begin(), exif.end());  // behind IHDR
    const auto image = Image::decode(bytes, {.apply_orientation = true});
    const std::size_t pixel = picture.channels * 2;
    const std::size_t count = picture.expected.size() / pixel;
    for (std::size_t i = 0; i < count; ++i) {  // orientation 3: the last pixel comes first
      REQUIRE(std::ranges::equal(image.pixels().subspan(i * pixel, pixel),
                                 std::span(picture.expected).subspan((count - 1 - i) * pixel, pixel)));
    }
  }
}

TEST_CASE("turning counts the picture's memory twice") {
  const auto& picture = test::picture("upright_3.png");
  DecodeOptions options{.apply_orientation = true};
  options.limits.max_decoded_bytes = 1'000'000;
  CHECK_NOTHROW(Image::decode(picture.bytes, options));
  const std::vector<std::uint8_t> pixels(300 * 300);
  const auto large = png_of(300, 300, 8, 0,
                            {png_chunk("eXIf", bytes_of({'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0,
                                                         3,   0,   0, 0,  1, 0, 3, 0, 0, 0, 0, 0,    0})),
                             png_chunk("IDAT", deflated(ByteVector(300 * 301))), png_chunk("IEND", {})});
  options.limits.max_decoded_bytes = 170'000;  // more than 90000 pixels and libpng's needs, less than twice 90000
  options.decoder = decoders().front();
  const auto error = error_of([&] { Image::decode(large, options); });
  CHECK(error.code() == ErrorCode::limit_exceeded);
  if (options.decoder == Decoder::turbo) CHECK(contains(error.message(), "turning the picture upright"));
}
