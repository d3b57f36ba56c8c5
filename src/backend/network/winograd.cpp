#include "backend/network/winograd.hpp"

#include <algorithm>
#include <array>
#include <atomic>

#include "backend/network/winograd_kernels.hpp"
#include "backend/parallel.hpp"

namespace mediscan::backend {
namespace {

constexpr std::int64_t values = 16;  // of a tile in the transformed domain, for each channel
constexpr std::int64_t panel = 16;   // output channels whose weights lie together

/// Transformed weights take 16 / 9 of the memory. 512 to 512 channels stand where 7 x 7 pixels are left, and gain a
/// hundredth of ResNet-50's time: not worth the 7 MB a layer.
constexpr std::int64_t most_weights = 256 * 512;

/// Tiles whose transformed values stay in a core's cache beside the weights.
constexpr std::int64_t tiles_of_group = 24;

/// Weights from which on threads share out the output channels, so that each reads its own alone, and groups are as
/// large as they may be.
constexpr std::int64_t large_weights = values * 128 * 128;
constexpr std::int64_t tiles_of_large_group = 96;

/// Floats between two values of a tile: a cache line more than what they take, since values that lie multiples of
/// 4096 bytes apart would push each other out of the first cache.
std::int64_t step_of(std::int64_t tiles, std::int64_t channels) { return tiles * channels + 16; }

std::int64_t rounded_up(std::int64_t number, std::int64_t multiple) {
  return (number + multiple - 1) / multiple * multiple;
}

/// G g G^T of one kernel, 3 x 3 to 4 x 4.
std::array<double, values> transformed(const float* kernel) {
  std::array<double, 12> rows{};  // G g: 4 x 3
  for (std::size_t x = 0; x < 3; ++x) {
    const double top = kernel[x];
    const double middle = kernel[3 + x];
    const double bottom = kernel[6 + x];
    rows[x] = top;
    rows[3 + x] = (top + middle + bottom) / 2;
    rows[6 + x] = (top - middle + bottom) / 2;
    rows[9 + x] = bottom;
  }
  std::array<double, values> result{};
  for (std::size_t y = 0; y < 4; ++y) {
    const double left = rows[3 * y];
    const double middle = rows[3 * y + 1];
    const double right = rows[3 * y + 2];
    result[4 * y] = left;
    result[4 * y + 1] = (left + middle + right) / 2;
    result[4 * y + 2] = (left - middle + right) / 2;
    result[4 * y + 3] = right;
  }
  return result;
}

/// The kernels that this processor is fastest with, or none.
const WinogradKernels* kernels_of_processor() noexcept {
#ifdef MEDISCAN_X86_KERNELS
  // The checks include the operating system's: it must save the wide registers.
  static const bool suitable = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
                               __builtin_cpu_supports("avx512f") == 0;
  if (suitable) return &avx2_winograd_kernels();
#endif
  return nullptr;
}

/// The pixel at (y, x) of a picture, or what stands for those beyond its edge.
template <class Float>
Float* pixel_or(const Pixels& pixels, std::int64_t picture, std::int64_t y, std::int64_t x, Float* beyond) {
  if (y < 0 || y >= pixels.height || x < 0 || x >= pixels.width) return beyond;
  return pixels.data + ((picture * pixels.height + y) * pixels.width + x) * pixels.stride;
}

}  // namespace

bool WinogradConv::suits(const ConvShape& shape) noexcept {
  return kernels_of_processor() != nullptr && shape.kernel == 3 && shape.stride == 1 && shape.padding == 1 &&
         shape.in % 8 == 0 && shape.out % panel == 0 && shape.in * shape.out <= most_weights;
}

WinogradConv::WinogradConv(const FoldedConv& conv)
    : shape_(conv.shape),
      weight_(static_cast<std::size_t>(values * conv.shape.in * conv.shape.out)),
      bias_(conv.bias),
      outside_(static_cast<std::size_t>(conv.shape.in)) {
  for (std::int64_t o = 0; o < shape_.out; ++o) {
    for (std::int64_t i = 0; i < shape_.in; ++i) {
      const auto numbers = transformed(conv.weight.data() + (o * shape_.in + i) * 9);
      for (std::int64_t v = 0; v < values; ++v) {
        const std::int64_t column = v * shape_.out + o / panel * panel;  // the panel's first
        weight_[static_cast<std::size_t>(column * shape_.in + i * panel + o % panel)] =
            static_cast<float>(numbers[static_cast<std::size_t>(v)]);
      }
    }
  }
}

WinogradConv::Cut WinogradConv::cut(std::int64_t batch, const Extent& extent, int threads) const noexcept {
  const bool large = static_cast<std::int64_t>(weight_.size()) > large_weights;
  Cut cut;
  cut.tiles = batch * ((extent.height + 1) / 2) * ((extent.width + 1) / 2);
  cut.ranges = large ? std::min<std::int64_t>(threads, shape_.out / panel) : 1;
  const std::int64_t groups = (cut.tiles - 1) / (large ? tiles_of_large_group : tiles_of_group) + 1;
  cut.groups = large ? groups : std::min(cut.tiles, rounded_up(groups, threads));
  cut.largest_group = (cut.tiles - 1) / cut.groups + 1;
  cut.largest_range = rounded_up((shape_.out - 1) / cut.ranges + 1, panel);
  return cut;
}

std::int64_t WinogradConv::scratch_of_one(const Cut& cut) const noexcept {
  return values * (step_of(cut.largest_group, shape_.in) + step_of(cut.largest_group, cut.largest_range));
}

std::size_t WinogradConv::scratch_bytes(std::int64_t batch, const Extent& extent, int threads) const noexcept {
  return static_cast<std::size_t>(scratch_of_one(cut(batch, extent, threads)) * threads) * sizeof(float);
}

void WinogradConv::run(const Pixels& in, const Pixels& out, Finish finish, int threads, float* scratch) const {
  const Cut pieces = cut(in.batch, {in.height, in.width}, threads);
  const std::int64_t of_one = scratch_of_one(pieces);
  std::atomic<std::int64_t> next{0};
  // One part a thread; each takes pieces until there are no more, so that one that is held up takes fewer.
  parallel_for(std::min<std::int64_t>(threads, pieces.pieces()), 1, [&](std::int64_t thread, std::int64_t) {
    for (std::int64_t piece = next++; piece < pieces.pieces(); piece = next++)
      run_piece(in, out, finish, pieces, piece, scratch + thread * of_one);
  });
}

void WinogradConv::run_piece(const Pixels& in, const Pixels& out, Finish finish, const Cut& cut, std::int64_t piece,
                             float* scratch) const noexcept {
  const WinogradKernels& kernels = *kernels_of_processor();
  const std::int64_t group = piece / cut.ranges;
  const std::int64_t range = piece % cut.ranges;
  const std::int64_t panels = shape_.out / panel;
  const std::int64_t first = cut.tiles * group / cut.groups;
  const std::int64_t tiles = cut.tiles * (group + 1) / cut.groups - first;
  const std::int64_t channel = panels * range / cut.ranges * panel;
  const std::int64_t channels = panels * (range + 1) / cut.ranges * panel - channel;
  const std::int64_t across = (in.width + 1) / 2;
  const std::int64_t of_picture = across * ((in.height + 1) / 2);
  const std::int64_t step_in = step_of(tiles, shape_.in);
  const std::int64_t step_out = step_of(tiles, channels);
  float* products = scratch + values * step_in;

  for (std::int64_t tile = first; tile < first + tiles; ++tile) {
    const std::int64_t y = tile % of_picture / across * 2 - 1;
    const std::int64_t x = tile % of_picture % across * 2 - 1;
    std::array<const float*, values> pixels{};
    for (std::int64_t p = 0; p < values; ++p) {
      pixels[static_cast<std::size_t>(p)] =
          pixel_or<const float>(in, tile / of_picture, y + p / 4, x + p % 4, outside_.data());
    }
    kernels.transform_input(pixels.data(), scratch + (tile - first) * shape_.in, step_in, shape_.in);
  }
  for (std::int64_t v = 0; v < values; ++v) {
    kernels.multiply(scratch + v * step_in, tiles, shape_.in, weight_.data() + (v * shape_.out + channel) * shape_.in,
                     channels, products + v * step_out);
  }
  for (std::int64_t tile = first; tile < first + tiles; ++tile) {
    const std::int64_t y = tile % of_picture / across * 2;
    const std::int64_t x = tile % of_picture % across * 2;
    std::array<float*, 4> pixels{};
    for (std::int64_t p = 0; p < 4; ++p) {
      auto* made = pixel_or<float>(out, tile / of_picture, y + p / 2, x + p % 2, nullptr);
      pixels[static_cast<std::size_t>(p)] = made == nullptr ? nullptr : made + channel;
    }
    kernels.transform_output(products + (tile - first) * channels, step_out, bias_.data() + channel, pixels.data(),
                             channels, finish.onto, finish.relu);
  }
}

}  // namespace mediscan::backend
