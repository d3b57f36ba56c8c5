// What the files of kernels.hpp share: how work is cut into parts, and loops over the channels of a pixel.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backend/network/kernels.hpp"

namespace mediscan::backend {

constexpr std::int64_t floats_per_part = 16384;  // 64 KiB of work before another thread is worth its start
constexpr std::int64_t channel_block = 64;       // channels at a time, so that their intermediate results stay close

/// Pixels that make a part of at least floats_per_part.
inline std::int64_t grain(std::int64_t floats_per_item) {
  return std::max<std::int64_t>(1, floats_per_part / std::max<std::int64_t>(1, floats_per_item));
}

/// max(0, v) that keeps NaN, as torch's relu does: a broken network must not look healthy.
inline float relu(float v) { return v < 0.0F ? 0.0F : v; }

inline const float* row(const Pixels& pixels, std::int64_t picture, std::int64_t y) {
  return pixels.data + (picture * pixels.height + y) * pixels.width * pixels.stride;
}

/// Adds relu(x * scale + shift) of one pixel to `sum`.
inline void add_affine_relu(const float* __restrict from, const float* __restrict scale, const float* __restrict shift,
                            float* __restrict sum, std::int64_t channels) {
  for (std::int64_t c = 0; c < channels; ++c) sum[c] += relu(from[c] * scale[c] + shift[c]);
}

inline void multiply(float* values, std::int64_t channels, float factor) {
  for (std::int64_t c = 0; c < channels; ++c) values[c] *= factor;
}

/// The part of a pooling window of 3 at stride 2, one pixel of border, that lies in the picture.
struct Window {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};
inline Window window(std::int64_t output, std::int64_t size) {
  return {std::max<std::int64_t>(0, 2 * output - 1), std::min(size, 2 * output + 2)};
}

inline void maximum_into(float* __restrict target, const float* __restrict source, std::int64_t channels) {
  for (std::int64_t c = 0; c < channels; ++c) target[c] = source[c] > target[c] ? source[c] : target[c];
}

}  // namespace mediscan::backend
