// libpng must give the very pixels of Pillow, and all 16 bits where there are 16.
#include <doctest/doctest.h>

#include "errors.hpp"
#include "image/decoders.hpp"
#include "pictures.hpp"

using namespace mediscan;
using namespace mediscan::test;

#ifdef MEDISCAN_WITH_TURBO

TEST_CASE("libpng gives the expected samples exactly, for every kind of PNG") {
  int seen = 0;
  for (const auto& picture : pictures()) {
    if (!picture.name.ends_with(".png") || picture.name.starts_with("upright_")) continue;
    CAPTURE(picture.name);
    const auto image = Image::decode(picture.bytes, {.decoder = Decoder::turbo});
    CHECK(largest_difference(image, picture) == 0);
    CHECK(image.info().source_mode == picture.mode);
    CHECK(image.info().decoder == image::libpng_version());
    CHECK(image.info().format == "png");
    ++seen;
  }
  CHECK(seen >= 30);
}

TEST_CASE("libpng's allocations count towards max_decoded_bytes") {
  const auto& picture = test::picture("rgb_8.png");
  DecodeOptions options{.decoder = Decoder::turbo};
  options.limits.max_decoded_bytes = picture.expected.size();  // the pixels and not a byte for the library
  const auto error = error_of([&] { Image::decode(picture.bytes, options); });
  CHECK(error.code() == ErrorCode::limit_exceeded);
  CHECK(contains(error.message(), "max_decoded_bytes"));
}

TEST_CASE("PNG image data that is no deflate stream is an error that names the byte") {
  const auto png = png_of(4, 4, 8, 0, {png_chunk("IDAT", bytes_of("not deflated")), png_chunk("IEND", {})});
  const auto error = error_of([&] { Image::decode(png, {.decoder = Decoder::turbo}); });
  CHECK(error.code() == ErrorCode::corrupt_image);
  CHECK(contains(error.message(), "PNG is damaged near byte"));
}

#endif
