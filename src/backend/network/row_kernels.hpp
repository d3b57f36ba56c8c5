// The innermost loops of kernels.hpp over the channels of one pixel, one set per instruction set; all sets give
// identical numbers. Raw pointers only: a file compiled for a wider instruction set must not instantiate inline
// functions that the linker could pick for other processors.
#pragma once

#include <cstdint>

namespace mediscan::backend {

/// Bytes as Quantization has them: a number becomes clamp(round(number * inverse_scale) + zero_point), halves to even,
/// NaN 0.
struct ToBytes {
  float inverse_scale;
  float zero_point;
};

/// One set of loops over `count` channels. Nothing outside is read or written; no two arguments overlap.
struct RowKernels {
  const char* name;  ///< "portable" or "avx2"
  void (*to_bytes)(const float* from, ToBytes bytes, std::uint8_t* to, std::int64_t count);
  /// The bytes of relu(x * scale + shift).
  void (*affine_relu_to_bytes)(const float* from, const float* scale, const float* shift, ToBytes bytes,
                               std::uint8_t* to, std::int64_t count);
  /// relu(x * scale + shift) of bfloat16, computed in float32 and rounded once.
  void (*affine_relu_bf16)(const std::uint16_t* from, const float* scale, const float* shift, std::uint16_t* to,
                           std::int64_t count);
  /// Adds relu(x * scale + shift) of bfloat16 to `sum`.
  void (*add_affine_relu_bf16)(const std::uint16_t* from, const float* scale, const float* shift, float* sum,
                               std::int64_t count);
};

const RowKernels& portable_row_kernels();
const RowKernels& avx2_row_kernels();  ///< x86-64 builds only; call its functions only where the processor has AVX2

/// The fastest set for this processor.
const RowKernels& row_kernels();

}  // namespace mediscan::backend
