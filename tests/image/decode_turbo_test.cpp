// libjpeg-turbo must give the very pixels of Pillow.
#include <doctest/doctest.h>

#include "errors.hpp"
#include "image/decoders.hpp"
#include "image/excerpt.hpp"
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

TEST_CASE("smaller sizes are those of Pillow's Image.draft bit for bit, for every kind of JPEG") {
  int seen = 0;
  for (const auto& picture : pictures()) {
    for (const std::uint32_t divisor : {2U, 4U, 8U}) {
      if (!picture.name.ends_with(".jpg") || picture.width < divisor || picture.height < divisor) continue;
      CAPTURE(picture.name);
      CAPTURE(divisor);
      const image::Need need{{}, [&](const image::Sides& full) {
                               return std::optional(image::Sides{full.width / divisor, full.height / divisor});
                             }};
      const auto excerpt =
          image::decode_excerpt(picture.bytes, {.decoder = Decoder::turbo, .fast_decode = true}, {}, need, 1);
      CHECK(excerpt.divisor == divisor);
      test::Picture drafted = picture;
      drafted.width = image::reduced(picture.width, divisor);
      drafted.height = image::reduced(picture.height, divisor);
      drafted.expected = bytes_of_file(picture.name + ".draft" + std::to_string(divisor) + ".bin");
      CHECK(largest_difference(excerpt.stored, drafted) == 0);
      ++seen;
    }
  }
  CHECK(seen >= 65);
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
