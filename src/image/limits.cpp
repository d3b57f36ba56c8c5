#include "image/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace mediscan::image {
namespace {

/// max_side as the command spells it: max-side.
std::string with_dashes(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

Error exceeded(std::string message, const char* option) {
  return {ErrorCode::limit_exceeded, Stage::decode, std::move(message),
          fmt::format("raise DecodeOptions::limits.{} (--{} of the command) if such pictures are expected", option,
                      with_dashes(option))};
}

}  // namespace

void check_size(std::uint32_t width, std::uint32_t height, std::uint32_t bytes_per_pixel, const Limits& limits) {
  if (width > limits.max_side || height > limits.max_side) {
    throw exceeded(fmt::format("picture is {} x {} pixels; the limit max_side is {}", width, height, limits.max_side),
                   "max_side");
  }
  const std::uint64_t pixels = std::uint64_t{width} * height;
  if (pixels > limits.max_pixels) {
    throw exceeded(fmt::format("picture is {} x {} = {} pixels; the limit max_pixels is {}", width, height, pixels,
                               limits.max_pixels),
                   "max_pixels");
  }
  // Divided, not multiplied: with limits raised to their utmost the product would not fit 64 bits.
  if (pixels > limits.max_decoded_bytes / bytes_per_pixel) {
    throw exceeded(fmt::format("picture is {} x {} pixels of {} bytes; the limit max_decoded_bytes is {}", width,
                               height, bytes_per_pixel, limits.max_decoded_bytes),
                   "max_decoded_bytes");
  }
}

void check_file_bytes(std::size_t bytes, const Limits& limits) {
  if (bytes <= limits.max_file_bytes) return;
  throw exceeded(fmt::format("file has {} bytes; the limit max_file_bytes is {}", bytes, limits.max_file_bytes),
                 "max_file_bytes");
}

Error decoded_bytes_exceeded(const Limits& limits, const char* what) {
  return exceeded(
      fmt::format("{} needs more memory than the limit max_decoded_bytes of {}", what, limits.max_decoded_bytes),
      "max_decoded_bytes");
}

}  // namespace mediscan::image
