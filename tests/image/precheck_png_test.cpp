#include <doctest/doctest.h>

#include "errors.hpp"
#include "image/precheck.hpp"
#include "pictures.hpp"

using namespace mediscan;
using namespace mediscan::test;

namespace {

image::PngStructure check(const ByteVector& png) { return image::precheck_png(png, {}); }
Error error_for(const ByteVector& png) {
  return error_of([&] { check(png); });
}

const ByteVector idat = png_chunk("IDAT", bytes_of("content does not matter here"));
const ByteVector iend = png_chunk("IEND", {});
const ByteVector plte = png_chunk("PLTE", ByteVector(6));

ByteVector grey(const std::vector<ByteVector>& chunks) { return png_of(4, 3, 8, 0, chunks); }
ByteVector palette(const std::vector<ByteVector>& chunks) { return png_of(4, 3, 8, 3, chunks); }

}  // namespace

TEST_CASE("the header of every good PNG is read") {
  for (const auto& picture : pictures()) {
    if (!picture.name.ends_with(".png") || picture.name.starts_with("upright_")) continue;
    CAPTURE(picture.name);
    const auto png = check(picture.bytes);
    CHECK(png.width == picture.width);
    CHECK(png.height == picture.height);
    CHECK(png.channels() == picture.channels);
    CHECK(png.source_mode() == picture.mode);
    CHECK(png.interlaced == contains(picture.name, "interlaced"));
  }
}

TEST_CASE("bytes behind IEND are allowed and not counted") {
  const auto& bytes = picture("trailing.png").bytes;
  CHECK(check(bytes).end == bytes.size() - 8);  // "appended"
}

TEST_CASE("a damaged or cut signature is told apart") {
  auto text_transfer = grey({idat, iend});
  text_transfer[4] = std::byte{'\n'};
  CHECK(error_for(text_transfer).code() == ErrorCode::corrupt_image);
  CHECK(contains(error_for(text_transfer).message(), "signature is damaged at byte 4"));
  CHECK(error_for(bytes_of("\x89PNG")).message() == "PNG ends at byte 4 inside its signature (truncated upload?)");
}

TEST_CASE("only depths that the standard pairs with a colour type pass") {
  // ISO/IEC 15948, table 11.1
  const auto allowed = [](int color, int depth) {
    if (color == 0) return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
    if (color == 3) return depth == 1 || depth == 2 || depth == 4 || depth == 8;
    return (color == 2 || color == 4 || color == 6) && (depth == 8 || depth == 16);
  };
  for (int color = 0; color <= 7; ++color) {
    for (int depth = 0; depth <= 17; ++depth) {
      CAPTURE(color);
      CAPTURE(depth);
      const auto png = png_of(4, 3, depth, color, color == 3 ? std::vector{plte, idat, iend} : std::vector{idat, iend});
      if (allowed(color, depth)) {
        CHECK_NOTHROW(check(png));
      } else {
        CHECK(error_for(png).code() == ErrorCode::corrupt_image);
      }
    }
  }
}

TEST_CASE("sizes of zero or beyond 31 bits are impossible") {
  CHECK(error_for(png_of(0, 3, 8, 0, {idat, iend})).code() == ErrorCode::corrupt_image);
  CHECK(error_for(png_of(3, 0, 8, 0, {idat, iend})).code() == ErrorCode::corrupt_image);
  CHECK(error_for(png_of(0x80000000U, 3, 8, 0, {idat, iend})).code() == ErrorCode::corrupt_image);
}

TEST_CASE("chunks in a wrong order, twice, or missing are an error that names chunk and byte") {
  const auto message = [](const ByteVector& png) {
    const auto error = error_for(png);
    CHECK(error.code() == ErrorCode::corrupt_image);
    return error.message();
  };
  CHECK(contains(message(grey({iend})), "chunk IEND at byte 33 stands before any IDAT"));
  CHECK(contains(message(grey({idat, png_chunk("tEXt", {}), idat, iend})), "is parted from the IDAT chunks"));
  CHECK(contains(message(grey({plte, idat, iend})), "chunk PLTE at byte 33 stands in a grey picture"));
  CHECK(contains(message(palette({idat, iend})), "stands before any PLTE"));
  CHECK(contains(message(palette({plte, plte, idat, iend})), "chunk PLTE at byte 51 stands twice"));
  CHECK(contains(message(png_of(4, 3, 8, 2, {idat, plte, iend})), "stands behind the image data"));
  CHECK(contains(message(palette({png_chunk("PLTE", ByteVector(7)), idat, iend})), "has 7 bytes"));
  CHECK(contains(message(palette({png_chunk("PLTE", ByteVector(771)), idat, iend})), "has 771 bytes"));
  CHECK(contains(message(palette({png_chunk("PLTE", {}), idat, iend})), "has 0 bytes"));
  CHECK(contains(message(grey({png_chunk("IHDR", ByteVector(13)), idat, iend})), "chunk IHDR at byte 33 stands twice"));
  CHECK(contains(message(bytes_of("\x89PNG\r\n\x1a\n") + idat + iend), "stands where IHDR must be first"));
  CHECK(contains(message(grey({png_chunk("ABCD", {}), idat, iend})), "is no chunk of the standard"));
  CHECK(contains(message(grey({png_chunk("a1cd", {}), idat, iend})), "impossible type 'a1cd'"));
  CHECK(contains(message(grey({idat, png_chunk("IEND", ByteVector(1))})), "chunk IEND at byte 73 has content"));
}

TEST_CASE("transparency must fit the picture") {
  const auto trns = [](std::size_t size) { return png_chunk("tRNS", ByteVector(size)); };
  CHECK(check(grey({trns(2), idat, iend})).has_alpha());
  CHECK(check(palette({plte, trns(2), idat, iend})).has_alpha());
  CHECK_FALSE(check(grey({idat, iend})).has_alpha());
  for (const auto& png :
       {grey({trns(3), idat, iend}), palette({plte, trns(3), idat, iend}), palette({trns(1), plte, idat, iend}),
        png_of(4, 3, 8, 4, {trns(2), idat, iend}), png_of(4, 3, 8, 6, {trns(6), idat, iend}),
        grey({trns(2), trns(2), idat, iend}), grey({idat, trns(2), iend})}) {
    CHECK(error_for(png).code() == ErrorCode::corrupt_image);
  }
}

TEST_CASE("Apple's own variant is named") {
  const auto error =
      error_for(bytes_of("\x89PNG\r\n\x1a\n") + png_chunk("IHDR", bytes_of({0, 0, 0, 4, 0, 0, 0, 3, 8, 2, 0, 0, 0})) +
                png_chunk("CgBI", ByteVector(4)) + idat + iend);
  CHECK(error.code() == ErrorCode::unsupported_format);
  CHECK(contains(error.message(), "CgBI"));
}

TEST_CASE("a chunk that reaches beyond the end is a truncation, an impossible length a corruption") {
  auto png = grey({idat, iend});
  png[33] = std::byte{0x7f};  // the high byte of IDAT's length
  CHECK(error_for(png).code() == ErrorCode::truncated_image);
  CHECK(contains(error_for(png).message(), "inside its IDAT chunk"));
  png[33] = std::byte{0x80};
  CHECK(error_for(png).code() == ErrorCode::corrupt_image);
  CHECK(contains(error_for(png).message(), "impossible length"));
}

TEST_CASE("a wrong checksum names the chunk, in ancillary chunks too") {
  const auto text = png_chunk("tEXt", bytes_of("Comment"));
  auto png = grey({text, idat, iend});
  png[33 + 8] ^= std::byte{1};
  CHECK(error_for(png).message() == "PNG chunk tEXt at byte 33 has a wrong checksum");
}
