// bfloat16 as bits: the upper half of a float32.
#pragma once

#include <bit>
#include <cstdint>

namespace mediscan::backend {

/// To the nearest, halves to even; NaN stays NaN.
inline std::uint16_t rounded_to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
  return static_cast<std::uint16_t>(value != value ? (bits >> 16U) | 0x40U : rounded);  // NaN may round to infinity
}

inline float from_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16U); }

}  // namespace mediscan::backend
