// The loops of kernels.hpp that make or read bytes.
#include <array>

#include "backend/network/kernel_loops.hpp"
#include "backend/network/kernels.hpp"
#include "backend/network/row_kernels.hpp"
#include "backend/parallel.hpp"

namespace mediscan::backend {
namespace {

ToBytes to_bytes_of(const Quantization& quantization) {
  return {1.0F / quantization.scale, static_cast<float>(quantization.zero_point)};
}

}  // namespace

void to_bytes(std::span<const float> from, const Quantization& quantization, std::uint8_t* to) {
  const ToBytes bytes = to_bytes_of(quantization);
  parallel_for(static_cast<std::int64_t>(from.size()), floats_per_part, [&](std::int64_t begin, std::int64_t end) {
    row_kernels().to_bytes(from.data() + begin, bytes, to + begin, end - begin);
  });
}

void from_bytes(std::span<const std::uint8_t> from, const Quantization& quantization, float* to) {
  const auto zero = static_cast<float>(quantization.zero_point);
  parallel_for(static_cast<std::int64_t>(from.size()), floats_per_part, [&](std::int64_t begin, std::int64_t end) {
    const std::uint8_t* __restrict source = from.data();
    float* __restrict target = to;
    for (std::int64_t i = begin; i < end; ++i) {
      target[i] = quantization.scale * (static_cast<float>(source[i]) - zero);
    }
  });
}

void affine_relu(const Pixels& from, const Affine& affine, const Quantization& quantization, const BytePixels& to) {
  const ToBytes bytes = to_bytes_of(quantization);
  parallel_for(from.count(), grain(from.channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      row_kernels().affine_relu_to_bytes(from.data + p * from.stride, affine.scale.data(), affine.shift.data(), bytes,
                                         to.data + p * to.channels, from.channels);
    }
  });
}

void affine_relu_average2(const Pixels& from, const Affine& affine, const Quantization& quantization,
                          const BytePixels& to) {
  const ToBytes bytes = to_bytes_of(quantization);
  parallel_for(to.batch * to.height, grain(to.width * to.channels * 4), [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::array<float, channel_block> sums{};
    for (std::int64_t line = begin; line < end; ++line) {
      const float* upper = row(from, line / to.height, line % to.height * 2);
      const float* lower = upper + from.width * from.stride;
      for (std::int64_t x = 0; x < to.width; ++x) {
        std::uint8_t* target = to.data + (line * to.width + x) * to.channels;
        for (std::int64_t c = 0; c < to.channels; c += channel_block) {
          const std::int64_t channels = std::min(channel_block, to.channels - c);
          sums.fill(0.0F);
          for (const float* source : {upper, upper + from.stride, lower, lower + from.stride}) {
            add_affine_relu(source + 2 * x * from.stride + c, affine.scale.data() + c, affine.shift.data() + c,
                            sums.data(), channels);
          }
          multiply(sums.data(), channels, 0.25F);
          row_kernels().to_bytes(sums.data(), bytes, target + c, channels);
        }
      }
    }
  });
}

void max_pool3(const Pixels& from, const Quantization& quantization, const BytePixels& to) {
  const ToBytes bytes = to_bytes_of(quantization);
  parallel_for(to.batch * to.height, grain(to.width * to.channels * 9), [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::array<float, channel_block> maxima{};
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t picture = line / to.height;
      const Window rows = window(line % to.height, from.height);
      for (std::int64_t x = 0; x < to.width; ++x) {
        const Window columns = window(x, from.width);
        std::uint8_t* target = to.data + (line * to.width + x) * to.channels;
        for (std::int64_t c = 0; c < to.channels; c += channel_block) {
          const std::int64_t channels = std::min(channel_block, to.channels - c);
          std::copy_n(row(from, picture, rows.begin) + columns.begin * from.stride + c, channels, maxima.data());
          for (std::int64_t y = rows.begin; y < rows.end; ++y) {
            for (std::int64_t sx = columns.begin; sx < columns.end; ++sx) {
              maximum_into(maxima.data(), row(from, picture, y) + sx * from.stride + c, channels);
            }
          }
          row_kernels().to_bytes(maxima.data(), bytes, target + c, channels);
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

}  // namespace mediscan::backend
