#include "backend/network/kernels.hpp"

#include <mediscan/error.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <string>

#include "backend/network/kernel_loops.hpp"
#include "backend/parallel.hpp"

namespace mediscan::backend {
namespace {

constexpr std::align_val_t alignment{64};  // the widest vectors, and a cache line

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

}  // namespace mediscan::backend
