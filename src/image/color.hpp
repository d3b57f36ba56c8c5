// Colours other than grey and RGB becoming grey or RGB: CMYK, palettes, alpha. YCbCr is the JPEG decoders' own.
#pragma once

#include "image/integers.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace mediscan::image {

/// CMYK as JPEG files store it (inverted, Adobe's way) to RGB by Pillow's formula: with c, m, y, k = 255 - stored,
/// R = (255 - k) - round(c (255 - k) / 255), and so on. Pillow inverts with and without an Adobe marker.
void cmyk_to_rgb(const std::uint8_t* stored, std::uint8_t* rgb, std::size_t pixels);

/// RGB entries of a PNG palette, and how many of them exist.
struct Palette {
  std::array<std::uint8_t, 768> rgb{};
  std::uint32_t entries = 0;
};

/// The first of `pixels` indices that the palette has no entry for, or `pixels` when all have one.
std::size_t first_without_entry(const std::uint8_t* indices, const Palette& palette, std::size_t pixels);

/// Indices to RGB. `rgb` may begin where `indices` begins: works from the last pixel to the first.
void expand_palette(const std::uint8_t* indices, const Palette& palette, std::uint8_t* rgb, std::size_t pixels);

/// Copies `kept` of every `stored` interleaved samples; samples are `sample_bytes` wide. Drops alpha: 4 to 3, 2 to 1.
void copy_channels(const std::byte* from, std::uint32_t stored, std::byte* to, std::uint32_t kept,
                   std::size_t sample_bytes, std::size_t pixels);

}  // namespace mediscan::image
