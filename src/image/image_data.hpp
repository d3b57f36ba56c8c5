// What an Image holds. Written once by a decoder, never changed afterwards.
#pragma once

#include "base/large_memory.hpp"

#include <cstddef>
#include <cstdint>
#include <mediscan/image.hpp>

namespace mediscan {

struct Image::Data {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t channels = 0;  ///< 1 or 3
  std::uint32_t bits = 8;
  base::LargeMemory pixels;  ///< height x width x channels samples, tightly packed, native byte order
  ImageInfo info;

  [[nodiscard]] std::size_t bytes_per_sample() const { return bits <= 8 ? 1 : 2; }
  [[nodiscard]] std::size_t row_bytes() const { return std::size_t{width} * channels * bytes_per_sample(); }
  [[nodiscard]] std::size_t size_bytes() const { return row_bytes() * height; }
};

}  // namespace mediscan
