// The loops of one pixel for AVX2, eight channels at a time; what is left over goes through a whole vector's copy.
// Compiled with -mavx2: includes nothing but intrinsics and the raw-pointer contract.
#include <immintrin.h>

#include "backend/network/row_kernels.hpp"

namespace mediscan::backend {
namespace {

constexpr std::int64_t lanes = 8;

/// Lanes 0 to count - 1 set, for masked loads of 32-bit numbers.
__m256i first_lanes(std::int64_t count) {
  const __m256i numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), numbers);
}

__m256 load(const float* from, std::int64_t count) {
  return count == lanes ? _mm256_loadu_ps(from) : _mm256_maskload_ps(from, first_lanes(count));
}

/// relu(x * scale + shift): two roundings, as the portable loop has; max gives its second operand for NaN.
__m256 activated(__m256 x, __m256 scale, __m256 shift) {
  return _mm256_max_ps(_mm256_setzero_ps(), _mm256_add_ps(_mm256_mul_ps(x, scale), shift));
}

/// Eight bytes of the numbers, in the low half.
__m128i bytes_of(__m256 values, ToBytes bytes) {
  const __m256 lowest = _mm256_set1_ps(-bytes.zero_point);
  const __m256 highest = _mm256_set1_ps(255.0F - bytes.zero_point);
  const __m256 steps = _mm256_mul_ps(values, _mm256_set1_ps(bytes.inverse_scale));
  const __m256i rounded = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(steps, lowest), highest));
  const __m256i whole = _mm256_add_epi32(rounded, _mm256_set1_epi32(static_cast<int>(bytes.zero_point)));
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  return _mm_packus_epi16(words, words);
}

void store_bytes(std::uint8_t* to, __m128i bytes, std::int64_t count) {
  if (count == lanes) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), bytes);
  } else {
    const long long packed = _mm_cvtsi128_si64(bytes);
    __builtin_memcpy(to, &packed, static_cast<unsigned long>(count));
  }
}

__m256 load_bf16(const std::uint16_t* from, std::int64_t count) {
  __m128i bits = _mm_setzero_si128();
  if (count == lanes) {
    bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  } else {
    __builtin_memcpy(&bits, from, static_cast<unsigned long>(count) * sizeof(std::uint16_t));
  }
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

/// Rounded to the nearest bfloat16, halves to even; NaN stays NaN.
void store_bf16(std::uint16_t* to, __m256 values, std::int64_t count) {
  const __m256i bits = _mm256_castps_si256(values);
  const __m256i upper = _mm256_srli_epi32(bits, 16);
  const __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
  const __m256i rounded =
      _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), odd), 16);
  const __m256i quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(values, values, _CMP_UNORD_Q));
  const __m256i chosen = _mm256_blendv_epi8(rounded, quiet, nan);
  const __m128i halves = _mm_packus_epi32(_mm256_castsi256_si128(chosen), _mm256_extracti128_si256(chosen, 1));
  if (count == lanes) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), halves);
  } else {
    __builtin_memcpy(to, &halves, static_cast<unsigned long>(count) * sizeof(std::uint16_t));
  }
}

/// body(first channel, how many) for whole vectors and then for the rest. A template of this file alone.
template <class Body>
void for_vectors(std::int64_t count, const Body& body) {
  std::int64_t c = 0;
  for (; c + lanes <= count; c += lanes) body(c, lanes);
  if (c < count) body(c, count - c);
}

void to_bytes(const float* from, ToBytes bytes, std::uint8_t* to, std::int64_t count) {
  for_vectors(count, [=](std::int64_t c, std::int64_t width) {
    store_bytes(to + c, bytes_of(load(from + c, width), bytes), width);
  });
}

void affine_relu_to_bytes(const float* from, const float* scale, const float* shift, ToBytes bytes, std::uint8_t* to,
                          std::int64_t count) {
  for_vectors(count, [=](std::int64_t c, std::int64_t width) {
    const __m256 values = activated(load(from + c, width), load(scale + c, width), load(shift + c, width));
    store_bytes(to + c, bytes_of(values, bytes), width);
  });
}

void affine_relu_bf16(const std::uint16_t* from, const float* scale, const float* shift, std::uint16_t* to,
                      std::int64_t count) {
  for_vectors(count, [=](std::int64_t c, std::int64_t width) {
    const __m256 values = activated(load_bf16(from + c, width), load(scale + c, width), load(shift + c, width));
    store_bf16(to + c, values, width);
  });
}

void add_affine_relu_bf16(const std::uint16_t* from, const float* scale, const float* shift, float* sum,
                          std::int64_t count) {
  for_vectors(count, [=](std::int64_t c, std::int64_t width) {
    const __m256 values = activated(load_bf16(from + c, width), load(scale + c, width), load(shift + c, width));
    const __m256 sums = _mm256_add_ps(load(sum + c, width), values);
    if (width == lanes) {
      _mm256_storeu_ps(sum + c, sums);
    } else {
      _mm256_maskstore_ps(sum + c, first_lanes(width), sums);
    }
  });
}

}  // namespace

const RowKernels& avx2_row_kernels() {
  static constexpr RowKernels kernels{"avx2", to_bytes, affine_relu_to_bytes, affine_relu_bf16, add_affine_relu_bf16};
  return kernels;
}

}  // namespace mediscan::backend
