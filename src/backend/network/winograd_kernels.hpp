// The innermost loops of winograd.hpp over the channels of one tile, for the instruction sets that have them. Raw
// pointers only, as row_kernels.hpp explains.
#pragma once

#include <cstdint>

namespace mediscan::backend {

/// A tile is 4 x 4 pixels that make 2 x 2. Its 16 values in the transformed domain lie `step` floats apart. Channels
/// that are read are multiples of 8, those that are made of 16.
struct WinogradKernels {
  /// B^T d B of each channel. `pixels` are the tile's 16, row by row.
  void (*transform_input)(const float* const* pixels, float* to, std::int64_t step, std::int64_t channels);
  /// `count` rows of `in` numbers by a matrix of `in` x `out`, which lies in panels of 16 columns: to `count` rows of
  /// `out` numbers.
  void (*multiply)(const float* rows, std::int64_t count, std::int64_t in, const float* panels, std::int64_t out,
                   float* to);
  /// A^T m A + bias of each channel, added to what is there with `onto`, and cut off at 0 with `relu`, which keeps NaN.
  /// `pixels` are the four that are made, row by row; null for one beyond the picture's edge.
  void (*transform_output)(const float* from, std::int64_t step, const float* bias, float* const* pixels,
                           std::int64_t channels, bool onto, bool relu);
};

const WinogradKernels& avx2_winograd_kernels();  ///< x86-64 builds only; for processors that have AVX2 and FMA

}  // namespace mediscan::backend
