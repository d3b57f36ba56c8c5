#include <doctest/doctest.h>

#include "errors.hpp"
#include "image/precheck.hpp"
#include "pictures.hpp"

using namespace mediscan;
using namespace mediscan::test;

namespace {

image::JpegStructure check(const ByteVector& jpeg) { return image::precheck_jpeg(jpeg, {}); }
Error error_for(const ByteVector& jpeg) {
  return error_of([&] { check(jpeg); });
}

/// rgb_444.jpg with one byte of its segment `marker` changed, counted from the marker on.
ByteVector changed(int marker, std::size_t at, int value) {
  auto bytes = picture("rgb_444.jpg").bytes;
  bytes[segment_of(bytes, marker) + at] = static_cast<std::byte>(value);
  return bytes;
}

ByteVector without(int marker) {
  auto bytes = picture("rgb_444.jpg").bytes;
  const auto at = static_cast<std::ptrdiff_t>(segment_of(bytes, marker));
  const auto size = 2 + std::to_integer<int>(bytes[static_cast<std::size_t>(at) + 2]) * 256 +
                    std::to_integer<int>(bytes[static_cast<std::size_t>(at) + 3]);
  bytes.erase(bytes.begin() + at, bytes.begin() + at + size);
  return bytes;
}

constexpr int sof = 0xc0, dht = 0xc4, sos = 0xda, dqt = 0xdb;

}  // namespace

TEST_CASE("the frame of every good JPEG is read") {
  for (const auto& picture : pictures()) {
    if (!picture.name.ends_with(".jpg")) continue;
    CAPTURE(picture.name);
    const auto jpeg = check(picture.bytes);
    CHECK(jpeg.width == picture.width);
    CHECK(jpeg.height == picture.height);
    CHECK(jpeg.channels() == picture.channels);
    CHECK(jpeg.source_mode() == picture.mode);
    CHECK(jpeg.progressive == contains(picture.name, "progressive"));
  }
}

TEST_CASE("bytes behind the end marker are allowed, and an end marker inside a comment is none") {
  const auto& trailing = picture("trailing.jpg").bytes;
  CHECK(check(trailing).end == trailing.size() - 24);  // "appended by a camera " and three bytes
  const auto& commented = picture("commented.jpg").bytes;
  CHECK(check(commented).end == commented.size());
}

TEST_CASE("kinds of JPEG that no decoder here reads are named") {
  const auto message = [](int frame) {
    const auto error = error_for(changed(sof, 1, frame));
    CHECK(error.code() == ErrorCode::unsupported_format);
    return error.message();
  };
  CHECK(message(0xc3) == "this is a lossless JPEG");
  CHECK(message(0xc5) == "this is a hierarchical JPEG");
  CHECK(message(0xc9) == "this is a JPEG with arithmetic coding");
  CHECK(message(0xf7) == "this is a JPEG-LS picture");
  CHECK(contains(error_for(changed(sof, 4, 12)).message(), "12 bits a sample"));
  CHECK(contains(error_for(changed(sof, 9, 2)).message(), "2 components"));
}

TEST_CASE("an impossible frame header is an error") {
  const auto code = [](std::size_t at, int value) { return error_for(changed(sof, at, value)).code(); };
  CHECK(code(3, 16) == ErrorCode::corrupt_image);     // length
  CHECK(code(11, 0x01) == ErrorCode::corrupt_image);  // sampling 0 x 1
  CHECK(code(11, 0x15) == ErrorCode::corrupt_image);  // sampling 1 x 5
  CHECK(code(12, 4) == ErrorCode::corrupt_image);     // quantisation table 4
  CHECK(code(13, 1) == ErrorCode::corrupt_image);     // two components of one name
  auto no_width = changed(sof, 7, 0);
  no_width[segment_of(no_width, sof) + 8] = std::byte{0};
  CHECK(error_for(no_width).code() == ErrorCode::corrupt_image);
  auto no_height = changed(sof, 5, 0);
  no_height[segment_of(no_height, sof) + 6] = std::byte{0};
  CHECK(error_for(no_height).code() == ErrorCode::unsupported_format);
  auto fractional = changed(sof, 11, 0x31);
  fractional[segment_of(fractional, sof) + 14] = std::byte{0x21};
  CHECK(error_for(fractional).code() == ErrorCode::unsupported_format);
}

TEST_CASE("tables must fit their segments and be there when they are used") {
  CHECK(error_for(changed(dqt, 4, 0x24)).code() == ErrorCode::corrupt_image);  // 3 bytes a value, table 4
  CHECK(error_for(changed(dqt, 4, 0x10)).code() == ErrorCode::corrupt_image);  // 2 bytes a value in a segment for 1
  CHECK(error_for(changed(dht, 4, 0x20)).code() == ErrorCode::corrupt_image);  // neither DC nor AC
  CHECK(error_for(changed(dht, 5, 255)).code() == ErrorCode::corrupt_image);   // more codes than the segment has
  CHECK(contains(error_for(without(dht)).message(), "Huffman table that nothing before it defines"));
  CHECK(contains(error_for(without(dqt)).message(), "quantisation table that nothing before it defines"));
}

TEST_CASE("an impossible scan header is an error") {
  CHECK(error_for(changed(sos, 3, 11)).code() == ErrorCode::corrupt_image);    // length
  CHECK(error_for(changed(sos, 4, 4)).code() == ErrorCode::corrupt_image);     // more components than the frame
  CHECK(error_for(changed(sos, 5, 9)).code() == ErrorCode::corrupt_image);     // no such component
  CHECK(error_for(changed(sos, 6, 0x40)).code() == ErrorCode::corrupt_image);  // Huffman table 4
  CHECK(error_for(changed(sos, 11, 1)).code() ==
        ErrorCode::corrupt_image);  // spectral selection in a sequential picture
  CHECK(contains(error_for(without(sof)).message(), "before any frame header"));
}

TEST_CASE("more than 100 scans are refused, 100 are not") {
  // A scan is repeated; its content is not looked at here.
  const auto& bytes = picture("one_pixel.jpg").bytes;
  const std::size_t begin = segment_of(bytes, sos);
  const ByteVector head(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(begin));
  const ByteVector scan(bytes.begin() + static_cast<std::ptrdiff_t>(begin), bytes.end() - 2);
  auto jpeg = head;
  for (int i = 0; i < 100; ++i) jpeg = jpeg + scan;
  CHECK(check(jpeg + bytes_of({0xff, 0xd9})).scans == 100);
  CHECK(contains(error_for(jpeg + scan + bytes_of({0xff, 0xd9})).message(), "more than 100 scans"));
}

TEST_CASE("a picture that ends without frame, scan or end marker is an error") {
  const auto& bytes = picture("rgb_444.jpg").bytes;
  const auto up_to = [&](std::size_t end) {
    return ByteVector(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(end));
  };
  const auto end_marker = bytes_of({0xff, 0xd9});
  CHECK(contains(error_for(up_to(2) + end_marker).message(), "without a frame header"));
  CHECK(contains(error_for(up_to(segment_of(bytes, sos)) + end_marker).message(), "without a scan"));
  CHECK(error_for(up_to(bytes.size() - 2)).code() == ErrorCode::truncated_image);
}

TEST_CASE("stray bytes and misplaced markers name their byte") {
  const auto& bytes = picture("rgb_444.jpg").bytes;
  const auto with_inserted = [&](const ByteVector& inserted) {
    auto jpeg = bytes;
    jpeg.insert(jpeg.begin() + 2, inserted.begin(), inserted.end());
    return jpeg;
  };
  CHECK(error_for(with_inserted(bytes_of({0x12}))).message() == "JPEG has a stray byte at 2 where a marker must be");
  CHECK(contains(error_for(with_inserted(bytes_of({0xff, 0xd8}))).message(), "marker 0xd8 at byte 2"));
  CHECK(contains(error_for(with_inserted(bytes_of({0xff, 0xd0}))).message(), "marker 0xd0 at byte 2"));
  CHECK_NOTHROW(check(with_inserted(bytes_of({0xff}))));  // a fill byte
}

TEST_CASE("restart markers that are missing, out of turn or uncalled for are an error") {
  const auto& bytes = picture("restart_blocks.jpg").bytes;
  const std::size_t scan = segment_of(bytes, sos);
  std::size_t at = scan;
  while (!(bytes[at] == std::byte{0xff} && bytes[at + 1] == std::byte{0xd1})) ++at;
  auto out_of_turn = bytes;
  out_of_turn[at + 1] = std::byte{0xd3};
  CHECK(contains(error_for(out_of_turn).message(), "unexpected restart marker at byte " + std::to_string(at)));

  ByteVector cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  CHECK(contains(error_for(cut + bytes_of({0xff, 0xd9})).message(), "after 1 of"));

  auto uncalled = bytes;
  uncalled[segment_of(bytes, 0xdd) + 4] = uncalled[segment_of(bytes, 0xdd) + 5] = std::byte{0};
  CHECK(contains(error_for(uncalled).message(), "unexpected restart marker"));
}

TEST_CASE("an Adobe marker with a transform that does not exist is an error") {
  auto bytes = picture("cmyk.jpg").bytes;
  bytes[segment_of(bytes, 0xee) + 15] = std::byte{7};
  CHECK(contains(error_for(bytes).message(), "colour transform 7"));
}

TEST_CASE("a component without any scan is an error") {
  // The frame says three components, and the scan is made to hold the first alone.
  auto bytes = picture("rgb_444.jpg").bytes;
  const auto begin = static_cast<std::ptrdiff_t>(segment_of(bytes, sos));
  const ByteVector one = bytes_of({0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0});
  ByteVector jpeg(bytes.begin(), bytes.begin() + begin);
  jpeg = jpeg + one + ByteVector(bytes.begin() + begin + 14, bytes.end());
  CHECK(contains(error_for(jpeg).message(), "without a scan of component 2"));
}
