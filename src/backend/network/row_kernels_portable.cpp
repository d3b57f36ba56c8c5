// The loops of one pixel for any processor, and the choice of the set for this one.
#include <algorithm>

#include "backend/network/bfloat16.hpp"
#include "backend/network/row_kernels.hpp"

namespace mediscan::backend {
namespace {

/// max(0, v) that keeps NaN, as torch's relu does.
inline float relu(float v) { return v < 0.0F ? 0.0F : v; }

inline std::uint8_t byte_of(float value, ToBytes bytes) {
  constexpr float rounding = 12582912.0F;  // 1.5 x 2^23: what is added to it is rounded to a whole number
  const float bounded = std::min(std::max(-bytes.zero_point, value * bytes.inverse_scale), 255.0F - bytes.zero_point);
  return static_cast<std::uint8_t>(static_cast<std::int32_t>((bounded + rounding) - rounding + bytes.zero_point));
}

void to_bytes(const float* __restrict from, ToBytes bytes, std::uint8_t* __restrict to, std::int64_t count) {
  for (std::int64_t c = 0; c < count; ++c) to[c] = byte_of(from[c], bytes);
}

void affine_relu_to_bytes(const float* __restrict from, const float* __restrict scale, const float* __restrict shift,
                          ToBytes bytes, std::uint8_t* __restrict to, std::int64_t count) {
  for (std::int64_t c = 0; c < count; ++c) to[c] = byte_of(relu(from[c] * scale[c] + shift[c]), bytes);
}

void affine_relu_bf16(const std::uint16_t* __restrict from, const float* __restrict scale,
                      const float* __restrict shift, std::uint16_t* __restrict to, std::int64_t count) {
  for (std::int64_t c = 0; c < count; ++c) {
    to[c] = rounded_to_bfloat16(relu(from_bfloat16(from[c]) * scale[c] + shift[c]));
  }
}

void add_affine_relu_bf16(const std::uint16_t* __restrict from, const float* __restrict scale,
                          const float* __restrict shift, float* __restrict sum, std::int64_t count) {
  for (std::int64_t c = 0; c < count; ++c) sum[c] += relu(from_bfloat16(from[c]) * scale[c] + shift[c]);
}

}  // namespace

const RowKernels& portable_row_kernels() {
  static constexpr RowKernels kernels{"portable", to_bytes, affine_relu_to_bytes, affine_relu_bf16,
                                      add_affine_relu_bf16};
  return kernels;
}

const RowKernels& row_kernels() {
#ifdef MEDISCAN_X86_KERNELS
  // The check includes the operating system's: it must save the wide registers.
  static const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  if (avx2) return avx2_row_kernels();
#endif
  return portable_row_kernels();
}

}  // namespace mediscan::backend
