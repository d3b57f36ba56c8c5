// Pictures from an integer formula, the same in C++ and in tools/make_preprocess_goldens.py, so that no picture files
// are needed.
#pragma once

#include <cstdint>
#include <cstring>
#include <mediscan/image.hpp>
#include <memory>
#include <vector>

#include "image/image_data.hpp"

namespace mediscan::test {

enum class Pattern {
  noise,   ///< a hash of the position
  blocks,  ///< 3 x 5 blocks of 0 and the maximum: the hardest edges a filter can meet
};

struct PictureOf {
  std::uint32_t width = 1;
  std::uint32_t height = 1;
  std::uint32_t channels = 3;
  std::uint32_t bits = 8;
  Pattern pattern = Pattern::noise;
  std::uint32_t seed = 0;
};

inline std::uint32_t sample_of(const PictureOf& of, std::uint32_t x, std::uint32_t y, std::uint32_t c) {
  const std::uint32_t max = (1U << of.bits) - 1U;
  if (of.pattern == Pattern::blocks) return (x / 3 + y / 5 + c) % 2 == 1 ? max : 0;
  std::uint32_t v = x * 2654435761U + y * 2246822519U + c * 3266489917U + of.seed;
  v ^= v >> 15;
  v *= 2246822519U;
  v ^= v >> 13;
  return v & max;
}

/// The picture as an Image. Its memory has exactly the size of the pixels, so that AddressSanitizer sees every read
/// beyond them.
inline Image picture(const PictureOf& of) {
  auto data = std::make_shared<Image::Data>();
  data->width = of.width;
  data->height = of.height;
  data->channels = of.channels;
  data->bits = of.bits;
  data->pixels = base::allocate_large(data->size_bytes());
  std::byte* to = data->pixels.get();
  for (std::uint32_t y = 0; y < of.height; ++y) {
    for (std::uint32_t x = 0; x < of.width; ++x) {
      for (std::uint32_t c = 0; c < of.channels; ++c, to += data->bytes_per_sample()) {
        const std::uint32_t sample = sample_of(of, x, y, c);
        const auto narrow = static_cast<std::uint8_t>(sample);
        const auto wide = static_cast<std::uint16_t>(sample);
        std::memcpy(to, of.bits == 8 ? static_cast<const void*>(&narrow) : &wide, data->bytes_per_sample());
      }
    }
  }
  return Image(std::move(data));
}

}  // namespace mediscan::test
