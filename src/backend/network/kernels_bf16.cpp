// The loops of kernels.hpp over bfloat16: computed in float32, rounded once.
#include <array>
#include <cstring>

#include "backend/network/bfloat16.hpp"
#include "backend/network/kernel_loops.hpp"
#include "backend/network/kernels.hpp"
#include "backend/network/row_kernels.hpp"
#include "backend/parallel.hpp"

namespace mediscan::backend {
namespace {

const std::uint16_t* row(const HalfPixels& pixels, std::int64_t picture, std::int64_t y) {
  return pixels.data + (picture * pixels.height + y) * pixels.width * pixels.step();
}

/// Numbers that are not negative are ordered as their bits.
void maximum_into(std::uint16_t* __restrict target, const std::uint16_t* __restrict source, std::int64_t channels) {
  for (std::int64_t c = 0; c < channels; ++c) target[c] = std::max(target[c], source[c]);
}

}  // namespace

void to_bfloat16(std::span<const float> from, std::uint16_t* to) {
  const float* __restrict source = from.data();
  parallel_for(static_cast<std::int64_t>(from.size()), floats_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = rounded_to_bfloat16(source[i]);
  });
}

void copy_channels(const HalfPixels& from, const HalfPixels& to) {
  const auto bytes = static_cast<std::size_t>(from.channels) * sizeof(std::uint16_t);
  parallel_for(from.count(), grain(from.channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) std::memcpy(to.data + p * to.step(), from.data + p * from.step(), bytes);
  });
}

void affine_relu(const HalfPixels& from, const Affine& affine, const HalfPixels& to) {
  parallel_for(from.count(), grain(from.channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      row_kernels().affine_relu_bf16(from.data + p * from.step(), affine.scale.data(), affine.shift.data(),
                                     to.data + p * to.step(), from.channels);
    }
  });
}

void affine_relu_average2(const HalfPixels& from, const Affine& affine, const HalfPixels& to) {
  parallel_for(to.batch * to.height, grain(to.width * to.channels * 4), [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::array<float, channel_block> sums{};
    for (std::int64_t line = begin; line < end; ++line) {
      const std::uint16_t* upper = row(from, line / to.height, line % to.height * 2);
      const std::uint16_t* lower = upper + from.width * from.step();
      for (std::int64_t x = 0; x < to.width; ++x) {
        std::uint16_t* target = to.data + (line * to.width + x) * to.step();
        for (std::int64_t c = 0; c < to.channels; c += channel_block) {
          const std::int64_t channels = std::min(channel_block, to.channels - c);
          sums.fill(0.0F);
          for (const std::uint16_t* source : {upper, upper + from.step(), lower, lower + from.step()}) {
            row_kernels().add_affine_relu_bf16(source + 2 * x * from.step() + c, affine.scale.data() + c,
                                               affine.shift.data() + c, sums.data(), channels);
          }
          for (std::int64_t i = 0; i < channels; ++i) {
            target[c + i] = rounded_to_bfloat16(0.25F * sums[static_cast<std::size_t>(i)]);
          }
        }
      }
    }
  });
}

void max_pool3(const HalfPixels& from, const HalfPixels& to) {
  parallel_for(to.batch * to.height, grain(to.width * to.channels * 9), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t picture = line / to.height;
      const Window rows = window(line % to.height, from.height);
      for (std::int64_t x = 0; x < to.width; ++x) {
        const Window columns = window(x, from.width);
        std::uint16_t* target = to.data + (line * to.width + x) * to.step();
        std::copy_n(row(from, picture, rows.begin) + columns.begin * from.step(), to.channels, target);
        for (std::int64_t y = rows.begin; y < rows.end; ++y) {
          for (std::int64_t sx = columns.begin; sx < columns.end; ++sx) {
            maximum_into(target, row(from, picture, y) + sx * from.step(), to.channels);
          }
        }
      }
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
        const std::uint16_t* __restrict source = from.data + (picture * area + p) * from.step();
        for (std::int64_t c = 0; c < from.channels; ++c) target[c] += from_bfloat16(source[c]);
      }
      multiply(target, from.channels, 1.0F / static_cast<float>(area));
    }
  });
}

void affine_relu_mean(const HalfPixels& from, const Affine& affine, float* to) {
  const std::int64_t area = from.height * from.width;
  parallel_for(from.batch, grain(area * from.channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t picture = begin; picture < end; ++picture) {
      float* target = to + picture * from.channels;
      std::fill_n(target, from.channels, 0.0F);
      for (std::int64_t p = 0; p < area; ++p) {
        row_kernels().add_affine_relu_bf16(from.data + (picture * area + p) * from.step(), affine.scale.data(),
                                           affine.shift.data(), target, from.channels);
      }
      multiply(target, from.channels, 1.0F / static_cast<float>(area));
    }
  });
}

}  // namespace mediscan::backend
