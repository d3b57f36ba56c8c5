// Convolutions of 3 x 3 in float32 by F(2x2, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks" (2015): four pixels of a channel take 16 multiplications instead of 36. The transforms only add and halve,
// so the results differ from a direct convolution's by no more than another order of its sums does. oneDNN 3 and
// LibTorch have it for x86 CPUs no more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backend/network/folded_conv.hpp"
#include "backend/network/kernels.hpp"

namespace mediscan::backend {

/// What is done to a convolution's sums.
struct Finish {
  bool onto = false;  ///< what is there already is added
  bool relu = false;
};

class WinogradConv {
 public:
  /// Whether this processor has kernels for the shape that are faster than a direct convolution: AVX2 and FMA without
  /// AVX-512, for which ours are not made; 3 x 3 at stride 1 with a border of 1, channels that fill vectors, and
  /// no more weights than the gain is worth.
  static bool suits(const ConvShape& shape) noexcept;

  /// Of a shape that suits, with all its numbers.
  explicit WinogradConv(const FoldedConv& conv);

  /// What run() works in for pictures of this many pixels on so many threads.
  [[nodiscard]] std::size_t scratch_bytes(std::int64_t batch, const Extent& extent, int threads) const noexcept;

  /// `out` has the pixels of `in`, does not overlap it, and may have room between them, as `in` may. Runs on the
  /// calling thread's splitter, and throws what that throws; `scratch` for as many threads.
  void run(const Pixels& in, const Pixels& out, Finish finish, int threads, float* scratch) const;

  [[nodiscard]] std::uint64_t bytes() const noexcept { return (weight_.size() + bias_.size()) * sizeof(float); }

 private:
  /// How the work is cut: into groups of tiles, and each group into ranges of output channels. Threads take the pieces
  /// as they come.
  struct Cut {
    std::int64_t tiles = 0;  // of all pictures
    std::int64_t groups = 0;
    std::int64_t ranges = 0;
    std::int64_t largest_group = 0;  // tiles
    std::int64_t largest_range = 0;  // channels

    [[nodiscard]] std::int64_t pieces() const noexcept { return groups * ranges; }
  };
  [[nodiscard]] Cut cut(std::int64_t batch, const Extent& extent, int threads) const noexcept;
  [[nodiscard]] std::int64_t scratch_of_one(const Cut& cut) const noexcept;
  void run_piece(const Pixels& in, const Pixels& out, Finish finish, const Cut& cut, std::int64_t piece,
                 float* scratch) const noexcept;

  ConvShape shape_;
  std::vector<float> weight_;   // 16 matrices of in x out, in panels of 16 outputs
  std::vector<float> bias_;     // one an output
  std::vector<float> outside_;  // a pixel of zeros, beyond the picture's edge
};

}  // namespace mediscan::backend
