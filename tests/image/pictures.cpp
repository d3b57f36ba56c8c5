#include "pictures.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace mediscan::test {
namespace {

std::uint32_t number(const std::string& text) { return static_cast<std::uint32_t>(std::stoul(text)); }

std::vector<Picture> read_manifest() {
  std::ifstream file(path_of("manifest.csv"));
  std::vector<Picture> all;
  std::string line;
  std::getline(file, line);  // the heading
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::vector<std::string> values;
    for (std::string field; std::getline(fields, field, ',');) values.push_back(field);
    REQUIRE(values.size() == 6);
    all.push_back({values[0], number(values[1]), number(values[2]), number(values[3]), number(values[4]), values[5],
                   bytes_of_file(values[0]), bytes_of_file(values[0] + ".bin")});
  }
  REQUIRE(all.size() >= 40);
  return all;
}

std::uint32_t sample(std::span<const std::byte> samples, std::size_t index, std::uint32_t bits) {
  if (bits == 8) return std::to_integer<std::uint32_t>(samples[index]);
  return std::to_integer<std::uint32_t>(samples[2 * index]) |
         (std::to_integer<std::uint32_t>(samples[2 * index + 1]) << 8U);
}

ByteVector big_endian(std::uint32_t value) {
  return bytes_of({static_cast<int>(value >> 24U), static_cast<int>(value >> 16U & 255U),
                   static_cast<int>(value >> 8U & 255U), static_cast<int>(value & 255U)});
}

}  // namespace

const std::vector<Picture>& pictures() {
  static const auto all = read_manifest();
  return all;
}

const Picture& picture(std::string_view name) {
  const auto& all = pictures();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Picture& p) { return p.name == name; });
  REQUIRE_MESSAGE(found != all.end(), "no test picture is called ", std::string(name));
  return *found;
}

std::uint32_t largest_difference(const Image& image, const Picture& picture, std::uint32_t columns_left_out) {
  constexpr std::uint32_t different_shape = 65536;
  if (image.width() != picture.width || image.height() != picture.height || image.channels() != picture.channels ||
      image.bits() != picture.bits || image.pixels().size() != picture.expected.size()) {
    return different_shape;
  }
  std::uint32_t largest = 0;
  const std::size_t samples = std::size_t{picture.width} * picture.height * picture.channels;
  for (std::size_t i = 0; i < samples; ++i) {
    if (i / picture.channels % picture.width + columns_left_out >= picture.width) continue;
    const auto got = sample(image.pixels(), i, picture.bits);
    const auto want = sample(picture.expected, i, picture.bits);
    largest = std::max(largest, got > want ? got - want : want - got);
  }
  return largest;
}

std::string path_of(std::string_view name) { return std::string(MEDISCAN_TEST_PICTURES "/") + std::string(name); }

ByteVector bytes_of_file(std::string_view name) {
  std::ifstream file(path_of(name), std::ios::binary);
  REQUIRE_MESSAGE(file.good(), "cannot read ", path_of(name));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return bytes_of(text);
}

ByteVector bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

ByteVector bytes_of(std::initializer_list<int> values) {
  ByteVector bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

ByteVector operator+(ByteVector a, const ByteVector& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

ByteVector png_chunk(std::string_view type, const ByteVector& data) {
  const ByteVector covered = bytes_of(type) + data;
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(covered.data()), covered.size());
  return big_endian(static_cast<std::uint32_t>(data.size())) + covered + big_endian(static_cast<std::uint32_t>(crc));
}

ByteVector png_of(std::uint32_t width, std::uint32_t height, int depth, int color,
                  const std::vector<ByteVector>& chunks) {
  ByteVector png = bytes_of("\x89PNG\r\n\x1a\n") +
                   png_chunk("IHDR", big_endian(width) + big_endian(height) + bytes_of({depth, color, 0, 0, 0}));
  for (const auto& chunk : chunks) png = png + chunk;
  return png;
}

ByteVector deflated(const ByteVector& data) {
  uLongf size = compressBound(static_cast<uLong>(data.size()));
  ByteVector out(size);
  REQUIRE(compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(data.data()),
                   static_cast<uLong>(data.size())) == Z_OK);
  out.resize(size);
  return out;
}

std::size_t segment_of(const ByteVector& jpeg, int marker) {
  for (std::size_t at = 2; at + 4 <= jpeg.size();) {
    const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(jpeg[i]); };
    if (byte(at + 1) == static_cast<std::size_t>(marker)) return at;
    at += 2 + byte(at + 2) * 256 + byte(at + 3);
  }
  FAIL("the JPEG has no marker ", marker);
  return 0;
}

std::vector<Decoder> decoders() {
#ifdef MEDISCAN_WITH_TURBO
  return {Decoder::turbo, Decoder::stb};
#else
  return {Decoder::stb};
#endif
}

std::string_view name_of(Decoder decoder) {
  switch (decoder) {
    case Decoder::automatic:
      return "auto";
    case Decoder::turbo:
      return "turbo";
    case Decoder::stb:
      return "stb";
  }
  return {};
}

}  // namespace mediscan::test
