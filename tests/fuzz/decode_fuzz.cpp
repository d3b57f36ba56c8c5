// Any bytes through every decoder: an Image or a mediscan::Error, nothing else. Built and run as
// tests/fuzz/CMakeLists.txt says.
#include <mediscan/error.hpp>
#include <mediscan/image.hpp>

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

namespace {

/// The bytes as a PNG whose chunks have the right checksums. Without this hardly a mutated PNG comes past the
/// pre-check.
std::vector<std::uint8_t> with_checksums(std::vector<std::uint8_t> png) {
  for (std::size_t at = 8; at + 12 <= png.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8U | png[at + i];
    if (length > png.size() - at - 12) break;
    const auto crc = crc32_z(0, png.data() + at + 4, length + 4);
    for (std::size_t i = 0; i < 4; ++i) png[at + 8 + length + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
    at += 12 + length;
  }
  return png;
}

void decode(std::span<const std::byte> bytes, mediscan::Decoder decoder, bool upright) {
  mediscan::DecodeOptions options{.decoder = decoder, .apply_orientation = upright};
  options.limits.max_pixels = 250'000;  // small: a fuzzer that waits for large pictures finds nothing
  options.limits.max_decoded_bytes = 8U << 20U;
  try {
    const auto image = mediscan::Image::decode(bytes, options);
    if (image.pixels().size() != image.row_bytes() * image.height() || image.info().sha256.size() != 64) std::abort();
    // Every pixel was written: MemorySanitizer apart, reading them is all that can be asked here.
    unsigned sum = 0;
    for (const auto value : image.pixels()) sum += std::to_integer<unsigned>(value);
    volatile unsigned kept = sum;
    static_cast<void>(kept);
  } catch (const mediscan::Error& error) {
    if (error.message().empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> input(data, data + size);
  if (size > 4 && data[0] == 0x89 && data[1] == 'P') input = with_checksums(std::move(input));
  const auto bytes = std::as_bytes(std::span(input));
  decode(bytes, mediscan::Decoder::automatic, true);
  decode(bytes, mediscan::Decoder::stb, false);
  return 0;
}
