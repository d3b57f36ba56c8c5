#include "image/color.hpp"

#include <algorithm>
#include <cstring>

namespace mediscan::image {
namespace {

/// a x b / 255, rounded to nearest, for a and b in 0..255 (Blinn's integer form; Pillow's MULDIV255).
std::uint32_t scaled(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t product = a * b + 128;
  return ((product >> 8U) + product) >> 8U;
}

}  // namespace

void cmyk_to_rgb(const std::uint8_t* stored, std::uint8_t* rgb, std::size_t pixels) {
  for (std::size_t i = 0; i < pixels; ++i, stored += 4, rgb += 3) {
    const std::uint32_t light = stored[3];  // 255 - k
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[c] = static_cast<std::uint8_t>(light - scaled(255U - stored[c], light));
    }
  }
}

std::size_t first_without_entry(const std::uint8_t* indices, const Palette& palette, std::size_t pixels) {
  const auto* end = indices + pixels;
  return static_cast<std::size_t>(std::find_if(indices, end, [&](std::uint8_t i) { return i >= palette.entries; }) -
                                  indices);
}

void expand_palette(const std::uint8_t* indices, const Palette& palette, std::uint8_t* rgb, std::size_t pixels) {
  for (std::size_t i = pixels; i-- > 0;) {
    const std::uint8_t* entry = palette.rgb.data() + std::size_t{indices[i]} * 3;
    std::memcpy(rgb + i * 3, entry, 3);
  }
}

void copy_channels(const std::byte* from, std::uint32_t stored, std::byte* to, std::uint32_t kept,
                   std::size_t sample_bytes, std::size_t pixels) {
  if (stored == kept) {
    std::memcpy(to, from, pixels * kept * sample_bytes);
    return;
  }
  for (std::size_t i = 0; i < pixels; ++i) {
    std::memcpy(to + i * kept * sample_bytes, from + i * stored * sample_bytes, kept * sample_bytes);
  }
}

}  // namespace mediscan::image
