#include <doctest/doctest.h>

#include <array>
#include <cstring>

#include "bundle_folder.hpp"
#include "calls.hpp"
#include "errors.hpp"

namespace mediscan::test {
namespace {

mediscan_pixels pixels(const void* data, std::uint32_t width, std::uint32_t height, std::uint32_t channels,
                       std::uint32_t bits) {
  mediscan_pixels view{};
  view.struct_size = sizeof view;
  view.data = data;
  view.width = width;
  view.height = height;
  view.channels = channels;
  view.bits = bits;
  return view;
}

mediscan_image_info info_of(const mediscan_image* image) {
  mediscan_image_info info{};
  info.struct_size = sizeof info;
  REQUIRE(mediscan_image_get_info(image, &info, nullptr) == MEDISCAN_OK);
  return info;
}

TEST_CASE("a file and its bytes are the same picture") {
  const TemporaryFolder folder;
  const auto path = (folder.path() / "eight.png").string();
  write_png(path, 8, 6, 1);
  Handle<mediscan_image> from_file;
  REQUIRE(mediscan_image_read(path.c_str(), MEDISCAN_NUL, nullptr, &from_file.get, nullptr) == MEDISCAN_OK);
  const std::string bytes = bytes_in(path);
  Handle<mediscan_image> from_bytes;
  REQUIRE(mediscan_image_decode(bytes.data(), bytes.size(), nullptr, &from_bytes.get, nullptr) == MEDISCAN_OK);
  const auto file_info = info_of(from_file.get);
  const auto bytes_info = info_of(from_bytes.get);
  CHECK(std::string(file_info.name) == "eight.png");
  CHECK(std::string(bytes_info.name).empty());
  CHECK(std::string(file_info.sha256) == bytes_info.sha256);
  CHECK(file_info.width == 8);
  CHECK(file_info.height == 6);
  CHECK(file_info.channels == 3);
  CHECK(file_info.bits == 8);
  CHECK(std::string(file_info.format) == "png");
  CHECK(file_info.exif_orientation == 1);
  REQUIRE(file_info.pixel_bytes == 8 * 6 * 3);
  CHECK(std::memcmp(file_info.pixels, bytes_info.pixels, file_info.pixel_bytes) == 0);
  const std::string json = text_from([&](char** text) { return mediscan_image_json(from_file.get, text, nullptr); });
  CHECK(contains(json, "\"eight.png\""));
}

TEST_CASE("pixels of 8 and 16 bits, of 1, 3 and 4 channels, with and without a stride") {
  const std::array<std::uint8_t, 16> bytes{1, 2, 3, 255, 4, 5, 6, 0, 7, 8, 9, 1, 10, 11, 12, 2};
  Handle<mediscan_image> rgba;
  auto view = pixels(bytes.data(), 2, 2, 4, 8);
  REQUIRE(mediscan_image_from_pixels(&view, nullptr, &rgba.get, nullptr) == MEDISCAN_OK);
  CHECK(info_of(rgba.get).channels == 3);
  CHECK(info_of(rgba.get).warning_count == 1);
  CHECK(std::memcmp(info_of(rgba.get).pixels, "\1\2\3\4\5\6\7\10\11\12\13\14", 12) == 0);

  Handle<mediscan_image> strided;
  view = pixels(bytes.data(), 1, 2, 3, 8);
  view.row_bytes = 8;
  REQUIRE(mediscan_image_from_pixels(&view, nullptr, &strided.get, nullptr) == MEDISCAN_OK);
  CHECK(std::memcmp(info_of(strided.get).pixels, "\1\2\3\7\10\11", 6) == 0);

  const std::array<std::uint16_t, 2> samples{0, 4095};
  Handle<mediscan_image> grey;
  view = pixels(samples.data(), 2, 1, 1, 12);
  REQUIRE(mediscan_image_from_pixels(&view, nullptr, &grey.get, nullptr) == MEDISCAN_OK);
  CHECK(info_of(grey.get).bits == 12);
}

TEST_CASE("pixels that make no picture are refused, and the output stays as it was") {
  const std::array<std::uint16_t, 2> samples{0, 4096};
  mediscan_image* image = nullptr;
  const auto refused = [&](mediscan_pixels view) {
    return failure_of(
        [&](mediscan_error** error) { return mediscan_image_from_pixels(&view, nullptr, &image, error); });
  };
  CHECK(contains(refused(pixels(samples.data(), 2, 1, 1, 12)).message, "4096"));
  CHECK(refused(pixels(nullptr, 2, 1, 1, 8)).status == MEDISCAN_INVALID_ARGUMENT);
  CHECK(refused(pixels(samples.data(), 0, 1, 1, 8)).status == MEDISCAN_INVALID_ARGUMENT);
  CHECK(refused(pixels(samples.data(), 1, 1, 2, 8)).status == MEDISCAN_INVALID_ARGUMENT);
  CHECK(refused(pixels(samples.data(), 1, 1, 1, 17)).status == MEDISCAN_INVALID_ARGUMENT);
  CHECK(refused(pixels(samples.data(), 100'000, 1, 1, 8)).status == MEDISCAN_LIMIT_EXCEEDED);
  auto reserved = pixels(samples.data(), 1, 1, 1, 8);
  reserved.reserved = 1;
  CHECK(contains(refused(reserved).message, "reserved"));
  auto unsized = pixels(samples.data(), 1, 1, 1, 8);
  unsized.struct_size = 0;
  CHECK(contains(refused(unsized).message, "struct_size"));
  CHECK(image == nullptr);
}

TEST_CASE("what is no picture says what it is") {
  mediscan_image* image = nullptr;
  const auto decode = [&](const char* bytes, std::size_t length, const mediscan_decode_options* options = nullptr) {
    return failure_of(
        [&](mediscan_error** error) { return mediscan_image_decode(bytes, length, options, &image, error); });
  };
  CHECK(decode(nullptr, 0).status == MEDISCAN_EMPTY_INPUT);
  CHECK(decode(nullptr, 5).status == MEDISCAN_INVALID_ARGUMENT);
  CHECK(decode("%PDF-1.7 and so on", 18).status == MEDISCAN_UNSUPPORTED_FORMAT);
  mediscan_decode_options options;
  mediscan_decode_options_init(&options, sizeof options);
  options.max_file_bytes = 4;
  CHECK(decode("%PDF-1.7 and so on", 18, &options).status == MEDISCAN_LIMIT_EXCEEDED);
  mediscan_decode_options_init(&options, sizeof options);
  options.decoder = "fast";
  const auto choice = decode("x", 1, &options);
  CHECK(choice.status == MEDISCAN_INVALID_ARGUMENT);
  CHECK(contains(choice.hint, "auto, turbo, stb"));
  const auto missing = failure_of([&](mediscan_error** error) {
    return mediscan_image_read("/nowhere/x.png", MEDISCAN_NUL, nullptr, &image, error);
  });
  CHECK(missing.status == MEDISCAN_IO_ERROR);
  CHECK(contains(missing.message, "x.png"));
  CHECK(image == nullptr);
}

}  // namespace
}  // namespace mediscan::test
