// The inner loops of the 8-bit path, one set per instruction set; all sets give identical integers. Raw pointers only:
// a file compiled for a wider instruction set must not instantiate inline functions that the linker could pick for
// other processors.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mediscan::recipe {

/// Pillow keeps resampling weights as integers with 22 fraction bits.
inline constexpr int weight_bits = 22;
/// A weight is (high << 11) + low, so that both parts fit 16 bits and multiply in pairs (pmaddwd). Sums are taken
/// modulo 2^32; the true sum fits 32 bits, so the order and the split cannot change it.
inline constexpr int low_bits = 11;
/// Kernels read whole vectors: this many bytes past a source row and past an output row must be there.
inline constexpr std::size_t row_padding = 64;
/// Rows that a horizontal kernel treats at once, to load each weight only once.
inline constexpr std::size_t rows_at_once = 4;

/// Weights of one axis, for `outputs` consecutive output positions.
struct TapView {
  const std::int32_t* first;    ///< first input position of each output
  const std::int32_t* count;    ///< number of input positions of each output
  const std::int32_t* weights;  ///< outputs x stride
  const std::int16_t* high;     ///< outputs x stride
  const std::int16_t* low;      ///< outputs x stride
  std::size_t stride;           ///< a multiple of 16; weights past `count` are 0
  std::size_t outputs;
};

/// One set of inner loops.
struct Kernels {
  const char* name;  ///< "portable", "avx2" or "avx512"
  /// Resamples four rows of 1 or 3 interleaved channels. Rows may repeat (with the same output).
  void (*horizontal_1)(const std::uint8_t* const* rows, std::uint8_t* const* outs, const TapView& taps);
  void (*horizontal_3)(const std::uint8_t* const* rows, std::uint8_t* const* outs, const TapView& taps);
  /// out[i] = the weighted sum of rows[0..count)[i], for i in [0, length). Reads and writes nothing outside.
  void (*vertical)(const std::uint8_t* const* rows, const TapView& taps, std::size_t output, std::uint8_t* out,
                   std::size_t length);
  /// Pillow's "L" of `length` RGB pixels. Reads and writes nothing outside.
  void (*gray)(const std::uint8_t* rgb, std::uint8_t* gray, std::size_t length);
};

const Kernels& portable_kernels();
const Kernels& avx2_kernels();  ///< x86-64 builds only; call its functions only where the processor has AVX2
const Kernels&
avx512_kernels();  ///< x86-64 builds only; call its functions only where the processor has AVX-512 F, BW and VL

}  // namespace mediscan::recipe
