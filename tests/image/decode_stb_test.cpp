// stb_image: PNG exactly; JPEG as near as its own arithmetic comes to libjpeg-turbo's, and where it does not come near.
#include <doctest/doctest.h>

#include "errors.hpp"
#include "image/decoders.hpp"
#include "pictures.hpp"

using namespace mediscan;
using namespace mediscan::test;

namespace {

// Its inverse DCT and its chroma upsampling each round differently by 1. One level of Y and one of Cb make B = Y
// + 1.772 Cb differ by 2.8, so by up to 3 levels after rounding.
constexpr std::uint32_t jpeg_tolerance = 3;

// stb_image 2.30's stbi__resample_row_h_2 weights the last two chroma samples of a row the wrong way round, which
// reaches the last two columns.
std::uint32_t columns_it_gets_wrong(const Picture& picture) { return contains(picture.name, "422") ? 2 : 0; }

// libjpeg repeats chroma where there are at most two samples of it in a row; stb_image interpolates between rows all
// the same.
bool too_narrow(const Picture& picture) { return picture.name == "one_column.jpg"; }

}  // namespace

TEST_CASE("stb_image gives every PNG exactly") {
  for (const auto& picture : pictures()) {
    if (!picture.name.ends_with(".png") || picture.name.starts_with("upright_")) continue;
    CAPTURE(picture.name);
    const auto image = Image::decode(picture.bytes, {.decoder = Decoder::stb});
    CHECK(largest_difference(image, picture) == 0);
    CHECK(image.info().source_mode == picture.mode);
    CHECK(image.info().decoder == "stb_image " MEDISCAN_STB_VERSION);
  }
}

TEST_CASE("stb_image gives every JPEG within 3 levels, but for the columns it is known to get wrong") {
  for (const auto& picture : pictures()) {
    if (!picture.name.ends_with(".jpg")) continue;
    CAPTURE(picture.name);
    const auto image = Image::decode(picture.bytes, {.decoder = Decoder::stb});
    if (!too_narrow(picture))
      CHECK(largest_difference(image, picture, columns_it_gets_wrong(picture)) <= jpeg_tolerance);
    CHECK(image.info().source_mode == picture.mode);
  }
}

TEST_CASE("stb_image's allocations count towards max_decoded_bytes") {
  const auto& picture = test::picture("rgb_8.png");
  DecodeOptions options{.decoder = Decoder::stb};
  options.limits.max_decoded_bytes = picture.expected.size();
  const auto error = error_of([&] { Image::decode(picture.bytes, options); });
  CHECK(error.code() == ErrorCode::limit_exceeded);
  CHECK(contains(error.message(), "max_decoded_bytes"));
}

TEST_CASE("a JPEG whose component names contradict its markers is refused by stb_image alone") {
  auto bytes = picture("rgb_444.jpg").bytes;
  const std::size_t frame = segment_of(bytes, 0xc0);
  for (std::size_t i = 0; i < 3; ++i) bytes[frame + 10 + 3 * i] = static_cast<std::byte>("RGB"[i]);
  const std::size_t scan = segment_of(bytes, 0xda);
  for (std::size_t i = 0; i < 3; ++i) bytes[scan + 5 + 2 * i] = static_cast<std::byte>("RGB"[i]);
  const auto error = error_of([&] { Image::decode(bytes, {.decoder = Decoder::stb}); });
  CHECK(error.code() == ErrorCode::unsupported_format);
  CHECK(contains(error.hint(), "turbo"));
#ifdef MEDISCAN_WITH_TURBO
  CHECK(largest_difference(Image::decode(bytes, {.decoder = Decoder::turbo}), picture("rgb_444.jpg")) == 0);
#endif
}
