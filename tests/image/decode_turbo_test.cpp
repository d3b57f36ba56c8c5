// libjpeg-turbo must give the very pixels of Pillow.
#include <doctest/doctest.h>

#include "errors.hpp"
#include "image/decoders.hpp"
#include "pictures.hpp"

using namespace mediscan;
using namespace mediscan::test;

#ifdef MEDISCAN_WITH_TURBO

TEST_CASE("libjpeg-turbo gives Pillow's pixels bit for bit, for every kind of JPEG") {
  int seen = 0;
  for (const auto& picture : pictures()) {
    if (!picture.name.ends_with(".jpg")) continue;
    CAPTURE(picture.name);
    const auto image = Image::decode(picture.bytes, {.decoder = Decoder::turbo});
    CHECK(largest_difference(image, picture) == 0);
    CHECK(image.info().source_mode == picture.mode);
    CHECK(image.info().decoder == image::turbo_version());
    CHECK(image.info().format == "jpeg");
    ++seen;
  }
  CHECK(seen >= 20);
}

TEST_CASE("a JPEG whose scan is cut but whose end marker is there is an error that names the byte") {
  const auto& whole = picture("rgb_444.jpg").bytes;
  auto bytes = ByteVector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() / 2));
  bytes = bytes + bytes_of({0xff, 0xd9});
  const auto error = error_of([&] { Image::decode(bytes, {.decoder = Decoder::turbo}); });
  CHECK(error.code() == ErrorCode::corrupt_image);
  CHECK(contains(error.message(), "JPEG is damaged near byte"));
}

TEST_CASE("a progressive JPEG whose coefficients do not fit max_decoded_bytes names the limit") {
  const auto& picture = test::picture("progressive_444.jpg");
  DecodeOptions options{.decoder = Decoder::turbo};
  options.limits.max_decoded_bytes = picture.expected.size() + 1000;  // pixels fit; two bytes a coefficient do not
  const auto error = error_of([&] { Image::decode(picture.bytes, options); });
  CHECK(error.code() == ErrorCode::limit_exceeded);
  CHECK(contains(error.message(), "max_decoded_bytes"));
}

#endif
