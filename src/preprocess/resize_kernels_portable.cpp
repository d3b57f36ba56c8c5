// The inner loops in plain C++: the reference that the vector sets must equal, and what runs where they cannot.
#include "preprocess/resize_kernels.hpp"

namespace mediscan::recipe {
namespace {

constexpr std::int32_t half = 1 << (weight_bits - 1);

std::uint8_t rounded(std::int32_t sum) {
  const std::int32_t value = sum >> weight_bits;
  if (value < 0) return 0;
  return static_cast<std::uint8_t>(value > 255 ? 255 : value);
}

template <std::size_t Channels>
void horizontal_row(const std::uint8_t* row, std::uint8_t* out, const TapView& taps) {
  for (std::size_t x = 0; x < taps.outputs; ++x) {
    const std::int32_t* weights = taps.weights + x * taps.stride;
    const std::uint8_t* pixel = row + static_cast<std::size_t>(taps.first[x]) * Channels;
    std::int32_t sums[Channels];
    for (std::int32_t& sum : sums) sum = half;
    for (std::int32_t i = 0; i < taps.count[x]; ++i, pixel += Channels) {
      for (std::size_t c = 0; c < Channels; ++c) sums[c] += pixel[c] * weights[i];
    }
    for (std::size_t c = 0; c < Channels; ++c) *out++ = rounded(sums[c]);
  }
}

template <std::size_t Channels>
void horizontal(const std::uint8_t* const* rows, std::uint8_t* const* outs, const TapView& taps) {
  for (std::size_t r = 0; r < rows_at_once; ++r) {
    if (r > 0 && outs[r] == outs[r - 1]) continue;  // a repeated row
    horizontal_row<Channels>(rows[r], outs[r], taps);
  }
}

void vertical(const std::uint8_t* const* rows, const TapView& taps, std::size_t output, std::uint8_t* out,
              std::size_t length) {
  constexpr std::size_t block = 64;
  const std::int32_t* weights = taps.weights + output * taps.stride;
  const std::int32_t count = taps.count[output];
  for (std::size_t x = 0; x < length; x += block) {
    const std::size_t here = length - x < block ? length - x : block;
    std::int32_t sums[block];
    for (std::size_t i = 0; i < here; ++i) sums[i] = half;
    for (std::int32_t y = 0; y < count; ++y) {
      const std::uint8_t* row = rows[y] + x;
      const std::int32_t weight = weights[y];
      for (std::size_t i = 0; i < here; ++i) sums[i] += row[i] * weight;
    }
    for (std::size_t i = 0; i < here; ++i) out[x + i] = rounded(sums[i]);
  }
}

void gray(const std::uint8_t* rgb, std::uint8_t* out, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i, rgb += 3) {
    const std::uint32_t sum = rgb[0] * 19595U + rgb[1] * 38470U + rgb[2] * 7471U + 32768U;
    out[i] = static_cast<std::uint8_t>(sum >> 16);
  }
}

constexpr Kernels kernels{"portable", horizontal<1>, horizontal<3>, vertical, gray};

}  // namespace

const Kernels& portable_kernels() { return kernels; }

}  // namespace mediscan::recipe
