// The dispatch: what is refused before any decoder, and what the record says afterwards.
#include <doctest/doctest.h>

#include "errors.hpp"
#include "image/decoders.hpp"
#include "pictures.hpp"

#include <sys/resource.h>

#include <algorithm>

using namespace mediscan;
using namespace mediscan::test;

namespace {

DecodeOptions with(Decoder decoder) { return {.decoder = decoder}; }

/// The most memory this process has had resident, in KiB.
long peak_resident_kib() {
  rusage usage{};
  REQUIRE(::getrusage(RUSAGE_SELF, &usage) == 0);
  return usage.ru_maxrss;
}

}  // namespace

TEST_CASE("the record says what was decoded and by what") {
  const auto image = Image::decode(picture("rgba_8.png").bytes, {}, "lesion.png");
  const auto& info = image.info();
  CHECK(info.name == "lesion.png");
  CHECK(info.sha256.size() == 64);
  CHECK(info.format == "png");
  CHECK(info.source_mode == "rgba");
  CHECK(info.exif_orientation == 1);
  CHECK_FALSE(info.orientation_applied);
  CHECK(info.decode_ms > 0);
  const auto versions = image::decoder_versions();
  CHECK(std::ranges::find(versions, info.decoder) != versions.end());
}

TEST_CASE("transparency of any form is dropped with a warning, and nothing else warns") {
  for (const auto& picture : pictures()) {
    if (picture.name.starts_with("upright_") || picture.name.starts_with("orientation_")) continue;
    const bool transparent = picture.mode == "rgba" || picture.mode == "grey+alpha" || contains(picture.name, "_trns");
    for (const auto decoder : decoders()) {
      CAPTURE(picture.name);
      const auto image = Image::decode(picture.bytes, with(decoder));
      REQUIRE(image.info().warnings.size() == (transparent ? 1 : 0));
      if (transparent) CHECK(image.info().warnings[0].code == "ALPHA_DROPPED");
    }
  }
}

TEST_CASE("no bytes, and bytes of something else, are named") {
  const auto empty = error_of([] { Image::decode({}, {}, "lesion.jpg"); });
  CHECK(empty.code() == ErrorCode::empty_input);
  CHECK(empty.stage() == Stage::decode);
  CHECK(contains(empty.message(), "lesion.jpg: "));
  const auto pdf = error_of([] { Image::decode(bytes_of("%PDF-1.7"), {}, "lesion.jpg"); });
  CHECK(pdf.code() == ErrorCode::unsupported_format);
  CHECK(pdf.message() == "lesion.jpg: this is a PDF document, not a JPEG or PNG");
  const auto noise = error_of([] { Image::decode(bytes_of({1, 2, 3})); });
  CHECK(noise.code() == ErrorCode::unsupported_format);
  CHECK(contains(noise.message(), "neither a JPEG nor a PNG"));
}

TEST_CASE("a truncated upload says where it ends") {
  const auto& whole = picture("rgb_420_large.jpg").bytes;
  const ByteVector cut(whole.begin(), whole.begin() + 10240);
  const auto error = error_of([&] { Image::decode(cut, {}, "lesion.jpg"); });
  CHECK(error.code() == ErrorCode::truncated_image);
  CHECK(error.message() == "lesion.jpg: JPEG ends at byte 10240 before its end marker (truncated upload?)");
}

TEST_CASE("20000 x 20000 in a header is refused by the header alone") {
  for (const auto* name : {"bad/huge.png", "bad/huge.jpg"}) {
    const auto error = error_of([&] { Image::decode(bytes_of_file(name)); });
    CHECK(error.code() == ErrorCode::limit_exceeded);
    CHECK(error.message() == "picture is 20000 x 20000 pixels; the limit max_side is 16384");
  }
}

TEST_CASE("bombs in ancillary chunks are never inflated, in image data they are an error, and neither takes memory") {
  for (const auto decoder : decoders()) {
    const long before = peak_resident_kib();
    CHECK(Image::decode(bytes_of_file("bad/bomb_iccp.png"), with(decoder)).width() == 64);
    CHECK(Image::decode(bytes_of_file("bad/bomb_ztxt.png"), with(decoder)).width() == 64);
    CHECK(error_of([&] { Image::decode(bytes_of_file("bad/bomb_idat.png"), with(decoder)); }).code() ==
          ErrorCode::corrupt_image);
    // Each inflates to 300 MB; 32 MiB is what sanitizers and the allocator may keep of the files themselves.
    CHECK(peak_resident_kib() - before < 32 * 1024);
  }
}

TEST_CASE("a PNG with rows missing, rows too many, or an index beyond its palette is an error with every decoder") {
  for (const auto decoder : decoders()) {
    CAPTURE(std::string(test::name_of(decoder)));
    CHECK(error_of([&] { Image::decode(bytes_of_file("bad/rows_missing.png"), with(decoder)); }).code() ==
          ErrorCode::corrupt_image);
    CHECK(error_of([&] { Image::decode(bytes_of_file("bad/rows_too_many.png"), with(decoder)); }).code() ==
          ErrorCode::corrupt_image);
    const auto index = error_of([&] { Image::decode(bytes_of_file("bad/index_beyond_palette.png"), with(decoder)); });
    CHECK(index.code() == ErrorCode::corrupt_image);
    CHECK(contains(index.message(), "the palette has 4 entries"));
  }
}

TEST_CASE("a file over max_file_bytes is refused before it is looked at") {
  DecodeOptions options;
  options.limits.max_file_bytes = 10;
  const auto error = error_of([&] { Image::decode(bytes_of("not a picture"), options); });
  CHECK(error.code() == ErrorCode::limit_exceeded);
  CHECK(contains(error.message(), "max_file_bytes"));
}

TEST_CASE("auto takes the first decoder of the build") {
  const auto image = Image::decode(picture("rgb_444.jpg").bytes);
  CHECK(image.info().decoder == image::decoder_versions().front());
}

#ifndef MEDISCAN_WITH_TURBO
TEST_CASE("asking for a decoder that was not built in is an error, not another decoder") {
  const auto error = error_of([] { Image::decode(picture("rgb_444.jpg").bytes, with(Decoder::turbo)); });
  CHECK(error.code() == ErrorCode::unsupported);
  CHECK(contains(error.hint(), "MEDISCAN_WITH_TURBO"));
}
#endif
