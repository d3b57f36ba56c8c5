// Any bytes through every decoder: an Image or a mediscan::Error, nothing else. Built and run as
// tests/fuzz/CMakeLists.txt says.
#include "image/excerpt.hpp"

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

/// What the line does with fast_decode: a part, at an eighth of the size where that can be had.
void decode_fast(std::span<const std::byte> bytes) {
  mediscan::DecodeOptions options{.fast_decode = true};
  options.limits.max_pixels = 250'000;
  options.limits.max_decoded_bytes = 8U << 20U;
  using namespace mediscan::image;
  const Need need{[](const Sides& picture, std::uint32_t divisor) {
                    const auto [width, height] = reduced(picture, divisor);
                    return std::optional(Window{width / 3, height / 3, (width + 2) / 3, (height + 2) / 3});
                  },
                  [](const Sides&) {
                    return std::optional(Sides{1, 1});
                  }};
  try {
    const auto excerpt = decode_excerpt(bytes, options, {}, need, 1);
    const auto& stored = excerpt.stored;
    if (stored.width() != excerpt.window.width || stored.height() != excerpt.window.height) std::abort();
    if (stored.pixels().size() != stored.row_bytes() * stored.height()) std::abort();
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
  decode_fast(bytes);
  return 0;
}
