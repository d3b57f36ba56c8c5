// Pillow's Image.reduce: every factor_x x factor_y pixels become their mean; the last column and row are means of what
// is left.
//
// 8-bit: with n pixels in a cell, ((sum + n / 2) x m mod 2^32) >> 24, where m = trunc(2^32 / (256 n)), the division in
// float32. float32: double sum x (1.0 / n), rounded to float32; in a full cell four neighbours (two by two) are first
// added in float32, as Pillow's loop does.
#pragma once

#include <cstdint>

#include "preprocess/rows.hpp"

namespace mediscan::recipe {

struct Factor {
  std::uint32_t x = 1;
  std::uint32_t y = 1;
};

/// Pillow's own 32-bit arithmetic ends there.
inline constexpr std::uint64_t max_cell_pixels = 1U << 22;

/// Throws LIMIT_EXCEEDED for cells of more than max_cell_pixels.
Pixels<std::uint8_t> reduce(RowSource<std::uint8_t>& source, Factor factor);
Pixels<float> reduce(RowSource<float>& source, Factor factor);

}  // namespace mediscan::recipe
