// Any bytes through every decoder: an Image or a mediscan::Error, nothing else. Built and run as
// tests/fuzz/CMakeLists.txt says.
#include <mediscan/error.hpp>
#include <mediscan/image.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace {

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
  const auto bytes = std::as_bytes(std::span(data, size));
  decode(bytes, mediscan::Decoder::automatic, true);
  decode(bytes, mediscan::Decoder::stb, false);
  return 0;
}
