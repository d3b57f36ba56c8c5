#include "backend/torch/kernels.hpp"

#include <mediscan/error.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>
#include <string>

#include "backend/parallel.hpp"

namespace mediscan::backend::torch {
namespace {

constexpr std::align_val_t alignment{64};        // the widest vectors, and a cache line
constexpr std::int64_t floats_per_part = 16384;  // 64 KiB of work before another thread is worth its start

/// Pixels that make a part of at least floats_per_part.
std::int64_t grain(std::int64_t floats_per_item) {
  return std::max<std::int64_t>(1, floats_per_part / std::max<std::int64_t>(1, floats_per_item));
}

/// max(0, v) that keeps NaN, as torch's relu does: a broken network must not look healthy.
inline float relu(float v) { return v < 0.0F ? 0.0F : v; }

const float* row(const Pixels& pixels, std::int64_t picture, std::int64_t y) {
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
Window window(std::int64_t output, std::int64_t size) {
  return {std::max<std::int64_t>(0, 2 * output - 1), std::min(size, 2 * output + 2)};
}

inline void maximum_into(float* __restrict target, const float* __restrict source, std::int64_t channels) {
  for (std::int64_t c = 0; c < channels; ++c) target[c] = source[c] > target[c] ? source[c] : target[c];
}

/// Numbers that are not negative are ordered as their bits.
inline void maximum_into(std::uint16_t* __restrict target, const std::uint16_t* __restrict source,
                         std::int64_t channels) {
  for (std::int64_t c = 0; c < channels; ++c) target[c] = std::max(target[c], source[c]);
}

inline std::uint16_t rounded_to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
  return static_cast<std::uint16_t>(value != value ? (bits >> 16U) | 0x40U : rounded);  // NaN may round to infinity
}

inline float from_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16U); }

/// The bytes that stand for `count` numbers.
inline void quantize(const float* __restrict from, std::uint8_t* __restrict to, std::int64_t count,
                     const Quantization& quantization) {
  constexpr float rounding = 12582912.0F;  // 1.5 x 2^23: what is added to it is rounded to a whole number
  const float inverse = 1.0F / quantization.scale;
  const auto zero_point = static_cast<float>(quantization.zero_point);
  for (std::int64_t i = 0; i < count; ++i) {
    const float bounded = std::min(std::max(from[i] * inverse, -zero_point), 255.0F - zero_point);
    to[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>((bounded + rounding) - rounding + zero_point));
  }
}

}  // namespace

void Scratch::Free::operator()(float* data) const noexcept { ::operator delete(data, alignment); }

float* Scratch::reserve(std::int64_t count) {
  if (count <= size_) return data_.get();
  constexpr std::int64_t most_floats = std::int64_t{1} << 38;  // 1 TiB: beyond it a size is a mistake
  data_.reset();
  size_ = 0;
  if (count <= most_floats) {
    const auto bytes = static_cast<std::size_t>(count) * sizeof(float);
    data_.reset(static_cast<float*>(::operator new(bytes, alignment, std::nothrow)));
  }
  if (!data_) {
    throw Error(ErrorCode::out_of_memory, Stage::backend,
                "no memory for intermediate results of " + std::to_string(count) + " numbers",
                "lower max_batch or give the process more memory");
  }
  size_ = count;
  return data_.get();
}

std::uint16_t* Scratch::reserve_halves(std::int64_t count) {
  return reinterpret_cast<std::uint16_t*>(reserve((count + 1) / 2));
}

std::uint8_t* Scratch::reserve_bytes(std::int64_t count) {
  constexpr std::int64_t bytes_a_float = sizeof(float);
  return reinterpret_cast<std::uint8_t*>(reserve((count + bytes_a_float - 1) / bytes_a_float));
}

bool all_finite(std::span<const float> values) {
  constexpr std::uint32_t exponent = 0x7F80'0000;  // all of its bits are set in infinities and NaNs alone
  std::uint32_t found = 0;
  for (const float value : values) found |= (std::bit_cast<std::uint32_t>(value) & exponent) == exponent ? 1U : 0U;
  return found == 0;
}

void to_bfloat16(std::span<const float> from, std::uint16_t* to) {
  const float* __restrict source = from.data();
  parallel_for(static_cast<std::int64_t>(from.size()), floats_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = rounded_to_bfloat16(source[i]);
  });
}

void copy_channels(const Pixels& from, const Pixels& to) {
  const auto bytes = static_cast<std::size_t>(from.channels) * sizeof(float);
  parallel_for(from.count(), grain(from.channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) std::memcpy(to.data + p * to.stride, from.data + p * from.stride, bytes);
  });
}

void affine_relu(const Pixels& from, const Affine& affine, const Pixels& to) {
  parallel_for(from.count(), grain(from.channels), [&](std::int64_t begin, std::int64_t end) {
    const float* __restrict scale = affine.scale.data();
    const float* __restrict shift = affine.shift.data();
    for (std::int64_t p = begin; p < end; ++p) {
      const float* __restrict source = from.data + p * from.stride;
      float* __restrict target = to.data + p * to.stride;
      for (std::int64_t c = 0; c < from.channels; ++c) target[c] = relu(source[c] * scale[c] + shift[c]);
    }
  });
}

void affine_relu_average2(const Pixels& from, const Affine& affine, const Pixels& to) {
  parallel_for(to.batch * to.height, grain(to.width * to.channels * 4), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const float* upper = row(from, line / to.height, line % to.height * 2);
      const float* lower = upper + from.width * from.stride;
      for (std::int64_t x = 0; x < to.width; ++x) {
        float* target = to.data + (line * to.width + x) * to.stride;
        std::fill_n(target, to.channels, 0.0F);
        for (const float* source : {upper, upper + from.stride, lower, lower + from.stride}) {
          add_affine_relu(source + 2 * x * from.stride, affine.scale.data(), affine.shift.data(), target, to.channels);
        }
        multiply(target, to.channels, 0.25F);
      }
    }
  });
}

void max_pool3(const Pixels& from, const Pixels& to) {
  parallel_for(to.batch * to.height, grain(to.width * to.channels * 9), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t picture = line / to.height;
      const Window rows = window(line % to.height, from.height);
      for (std::int64_t x = 0; x < to.width; ++x) {
        const Window columns = window(x, from.width);
        float* target = to.data + (line * to.width + x) * to.stride;
        const float* first = row(from, picture, rows.begin) + columns.begin * from.stride;
        std::memcpy(target, first, static_cast<std::size_t>(to.channels) * sizeof(float));
        for (std::int64_t y = rows.begin; y < rows.end; ++y) {
          for (std::int64_t sx = columns.begin; sx < columns.end; ++sx) {
            maximum_into(target, row(from, picture, y) + sx * from.stride, to.channels);
          }
        }
      }
    }
  });
}

void max_pool3(const HalfPixels& from, const HalfPixels& to) {
  const auto source = [&](std::int64_t picture, std::int64_t y, std::int64_t x) {
    return from.data + ((picture * from.height + y) * from.width + x) * from.channels;
  };
  parallel_for(to.batch * to.height, grain(to.width * to.channels * 9), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t picture = line / to.height;
      const Window rows = window(line % to.height, from.height);
      for (std::int64_t x = 0; x < to.width; ++x) {
        const Window columns = window(x, from.width);
        std::uint16_t* target = to.data + (line * to.width + x) * to.channels;
        std::copy_n(source(picture, rows.begin, columns.begin), to.channels, target);
        for (std::int64_t y = rows.begin; y < rows.end; ++y) {
          for (std::int64_t sx = columns.begin; sx < columns.end; ++sx) {
            maximum_into(target, source(picture, y, sx), to.channels);
          }
        }
      }
    }
  });
}

void max_pool3(const Pixels& from, const Quantization& quantization, const BytePixels& to) {
  constexpr std::int64_t block = 64;  // channels at a time, so that their maxima stay close
  parallel_for(to.batch * to.height, grain(to.width * to.channels * 9), [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::array<float, block> maxima{};
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t picture = line / to.height;
      const Window rows = window(line % to.height, from.height);
      for (std::int64_t x = 0; x < to.width; ++x) {
        const Window columns = window(x, from.width);
        std::uint8_t* target = to.data + (line * to.width + x) * to.channels;
        for (std::int64_t c = 0; c < to.channels; c += block) {
          const std::int64_t channels = std::min(block, to.channels - c);
          std::copy_n(row(from, picture, rows.begin) + columns.begin * from.stride + c, channels, maxima.data());
          for (std::int64_t y = rows.begin; y < rows.end; ++y) {
            for (std::int64_t sx = columns.begin; sx < columns.end; ++sx) {
              maximum_into(maxima.data(), row(from, picture, y) + sx * from.stride + c, channels);
            }
          }
          quantize(maxima.data(), target + c, channels, quantization);
        }
      }
    }
  });
}

// Sums of bytes are exact in float32 up to 65,793 pixels, far beyond what a last stage has.
void mean_pixels(const BytePixels& from, const Quantization& quantization, float* to) {
  const std::int64_t area = from.height * from.width;
  const float zero = static_cast<float>(quantization.zero_point) * static_cast<float>(area);
  const float factor = quantization.scale / static_cast<float>(area);
  parallel_for(from.batch, grain(area * from.channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t picture = begin; picture < end; ++picture) {
      float* __restrict target = to + picture * from.channels;
      std::fill_n(target, from.channels, 0.0F);
      for (std::int64_t p = 0; p < area; ++p) {
        const std::uint8_t* __restrict source = from.data + (picture * area + p) * from.channels;
        for (std::int64_t c = 0; c < from.channels; ++c) target[c] += static_cast<float>(source[c]);
      }
      for (std::int64_t c = 0; c < from.channels; ++c) target[c] = factor * (target[c] - zero);
    }
  });
}

void mean_pixels(const Pixels& from, float* to) {
  const std::int64_t area = from.height * from.width;
  parallel_for(from.batch, grain(area * from.channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t picture = begin; picture < end; ++picture) {
      float* __restrict target = to + picture * from.channels;
      std::fill_n(target, from.channels, 0.0F);
      for (std::int64_t p = 0; p < area; ++p) {
        const float* __restrict source = from.data + (picture * area + p) * from.stride;
        for (std::int64_t c = 0; c < from.channels; ++c) target[c] += source[c];
      }
      multiply(target, from.channels, 1.0F / static_cast<float>(area));
    }
  });
}

void mean_pixels(const HalfPixels& from, float* to) {
  const std::int64_t area = from.height * from.width;
  parallel_for(from.batch, grain(area * from.channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t picture = begin; picture < end; ++picture) {
      float* __restrict target = to + picture * from.channels;
      std::fill_n(target, from.channels, 0.0F);
      for (std::int64_t p = 0; p < area; ++p) {
        const std::uint16_t* __restrict source = from.data + (picture * area + p) * from.channels;
        for (std::int64_t c = 0; c < from.channels; ++c) target[c] += from_bfloat16(source[c]);
      }
      multiply(target, from.channels, 1.0F / static_cast<float>(area));
    }
  });
}

void affine_relu_mean(const Pixels& from, const Affine& affine, float* to) {
  const std::int64_t area = from.height * from.width;
  parallel_for(from.batch, grain(area * from.channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t picture = begin; picture < end; ++picture) {
      float* target = to + picture * from.channels;
      std::fill_n(target, from.channels, 0.0F);
      for (std::int64_t p = 0; p < area; ++p) {
        add_affine_relu(from.data + (picture * area + p) * from.stride, affine.scale.data(), affine.shift.data(),
                        target, from.channels);
      }
      multiply(target, from.channels, 1.0F / static_cast<float>(area));
    }
  });
}

}  // namespace mediscan::backend::torch
