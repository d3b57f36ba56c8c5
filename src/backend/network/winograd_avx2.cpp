// The loops of Winograd's convolution for AVX2 and FMA, eight channels at a time. Compiled with -mavx2 -mfma:
// includes nothing but intrinsics and the raw-pointer contract.
#include <immintrin.h>

#include "backend/network/winograd_kernels.hpp"

namespace mediscan::backend {
namespace {

constexpr std::int64_t lanes = 8;
constexpr std::int64_t panel = 16;

void transform_input(const float* const* pixels, float* to, std::int64_t step, std::int64_t channels) {
  for (std::int64_t c = 0; c < channels; c += lanes) {
    __m256 rows[4][4];  // B^T d
    for (int x = 0; x < 4; ++x) {
      const __m256 d0 = _mm256_loadu_ps(pixels[x] + c);
      const __m256 d1 = _mm256_loadu_ps(pixels[4 + x] + c);
      const __m256 d2 = _mm256_loadu_ps(pixels[8 + x] + c);
      const __m256 d3 = _mm256_loadu_ps(pixels[12 + x] + c);
      rows[0][x] = _mm256_sub_ps(d0, d2);
      rows[1][x] = _mm256_add_ps(d1, d2);
      rows[2][x] = _mm256_sub_ps(d2, d1);
      rows[3][x] = _mm256_sub_ps(d1, d3);
    }
    for (int y = 0; y < 4; ++y) {
      const __m256* row = rows[y];
      float* target = to + 4 * y * step + c;
      _mm256_storeu_ps(target, _mm256_sub_ps(row[0], row[2]));
      _mm256_storeu_ps(target + step, _mm256_add_ps(row[1], row[2]));
      _mm256_storeu_ps(target + 2 * step, _mm256_sub_ps(row[2], row[1]));
      _mm256_storeu_ps(target + 3 * step, _mm256_sub_ps(row[1], row[3]));
    }
  }
}

/// The numbers of rows that are computed together, written out, since only then do their sums stay in registers.
template <std::int64_t... i>
struct Rows {};

void add_product(const float* number, __m256 left, __m256 right, __m256& left_sum, __m256& right_sum) {
  const __m256 factor = _mm256_broadcast_ss(number);
  left_sum = _mm256_fmadd_ps(factor, left, left_sum);
  right_sum = _mm256_fmadd_ps(factor, right, right_sum);
}

/// Rows by one panel. The sums of six take 12 of the 16 registers.
template <std::int64_t... i>
void multiply_rows(Rows<i...> /*which*/, const float* rows, std::int64_t in, const float* columns, float* to,
                   std::int64_t out) {
  __m256 left_sums[] = {(static_cast<void>(i), _mm256_setzero_ps())...};
  __m256 right_sums[] = {(static_cast<void>(i), _mm256_setzero_ps())...};
  for (std::int64_t k = 0; k < in; ++k) {
    const __m256 left = _mm256_loadu_ps(columns + panel * k);
    const __m256 right = _mm256_loadu_ps(columns + panel * k + lanes);
    (add_product(rows + i * in + k, left, right, left_sums[i], right_sums[i]), ...);
  }
  (_mm256_storeu_ps(to + i * out, left_sums[i]), ...);
  (_mm256_storeu_ps(to + i * out + lanes, right_sums[i]), ...);
}

void multiply(const float* rows, std::int64_t count, std::int64_t in, const float* panels, std::int64_t out,
              float* to) {
  for (std::int64_t column = 0; column < out; column += panel) {
    const float* columns = panels + column * in;
    const float* from = rows;
    float* target = to + column;
    for (std::int64_t left = count; left > 0; left -= 6, from += 6 * in, target += 6 * out) {
      switch (left) {
        case 1:
          multiply_rows(Rows<0>(), from, in, columns, target, out);
          break;
        case 2:
          multiply_rows(Rows<0, 1>(), from, in, columns, target, out);
          break;
        case 3:
          multiply_rows(Rows<0, 1, 2>(), from, in, columns, target, out);
          break;
        case 4:
          multiply_rows(Rows<0, 1, 2, 3>(), from, in, columns, target, out);
          break;
        case 5:
          multiply_rows(Rows<0, 1, 2, 3, 4>(), from, in, columns, target, out);
          break;
        default:
          multiply_rows(Rows<0, 1, 2, 3, 4, 5>(), from, in, columns, target, out);
      }
    }
  }
}

void store(float* to, __m256 values, bool onto, bool relu) {
  if (onto) values = _mm256_add_ps(values, _mm256_loadu_ps(to));
  if (relu) values = _mm256_max_ps(_mm256_setzero_ps(), values);  // gives its second operand for NaN
  _mm256_storeu_ps(to, values);
}

void transform_output(const float* from, std::int64_t step, const float* bias, float* const* pixels,
                      std::int64_t channels, bool onto, bool relu) {
  for (std::int64_t c = 0; c < channels; c += lanes) {
    __m256 rows[2][4];  // A^T m
    for (int x = 0; x < 4; ++x) {
      const __m256 m0 = _mm256_loadu_ps(from + x * step + c);
      const __m256 m1 = _mm256_loadu_ps(from + (4 + x) * step + c);
      const __m256 m2 = _mm256_loadu_ps(from + (8 + x) * step + c);
      const __m256 m3 = _mm256_loadu_ps(from + (12 + x) * step + c);
      rows[0][x] = _mm256_add_ps(_mm256_add_ps(m0, m1), m2);
      rows[1][x] = _mm256_sub_ps(_mm256_sub_ps(m1, m2), m3);
    }
    const __m256 shift = _mm256_loadu_ps(bias + c);
    for (int y = 0; y < 2; ++y) {
      const __m256* row = rows[y];
      float* left = pixels[2 * y];
      float* right = pixels[2 * y + 1];
      if (left != nullptr) {
        const __m256 sum = _mm256_add_ps(_mm256_add_ps(row[0], row[1]), row[2]);
        store(left + c, _mm256_add_ps(sum, shift), onto, relu);
      }
      if (right != nullptr) {
        const __m256 sum = _mm256_sub_ps(_mm256_sub_ps(row[1], row[2]), row[3]);
        store(right + c, _mm256_add_ps(sum, shift), onto, relu);
      }
    }
  }
}

}  // namespace

const WinogradKernels& avx2_winograd_kernels() {
  static constexpr WinogradKernels kernels{transform_input, multiply, transform_output};
  return kernels;
}

}  // namespace mediscan::backend
