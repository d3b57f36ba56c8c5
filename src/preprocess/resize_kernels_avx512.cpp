// The inner loops for AVX-512 F, BW and VL. Compiled with those flags: includes nothing but intrinsics and the
// raw-pointer contract. tests/preprocess/emulated_avx512.cpp compiles this same text on SIMDe, so that its logic is
// tested on every machine.
#ifndef MEDISCAN_EMULATED_AVX512
#include <immintrin.h>
#define MEDISCAN_AVX512_KERNELS avx512_kernels
#endif

#include "preprocess/resize_kernels.hpp"

namespace mediscan::recipe {
namespace {

__m128i load_128(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
__m256i load_256(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
__m512i load_512(const void* from) { return _mm512_loadu_si512(from); }

std::int32_t load_32(const void* from) {
  std::int32_t value = 0;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

/// (high << 11) + low, all 32-bit lanes.
__m512i joined(__m512i high, __m512i low) { return _mm512_add_epi32(_mm512_slli_epi32(high, low_bits), low); }

__m256i halves_added(__m512i sums) {
  return _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
}

__m128i halves_added(__m256i sums) {
  return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
}

__m128i rounded(__m128i sums) {
  return _mm_srai_epi32(_mm_add_epi32(sums, _mm_set1_epi32(1 << (weight_bits - 1))), weight_bits);
}

/// Sums of one output position over four rows while its taps are walked.
struct FourRows {
  __m512i high[rows_at_once];
  __m512i low[rows_at_once];
};

void add(FourRows& sums, std::size_t r, __m512i pixels, __m512i high, __m512i low) {
  sums.high[r] = _mm512_add_epi32(sums.high[r], _mm512_madd_epi16(pixels, high));
  sums.low[r] = _mm512_add_epi32(sums.low[r], _mm512_madd_epi16(pixels, low));
}

void horizontal_1(const std::uint8_t* const* rows, std::uint8_t* const* outs, const TapView& taps) {
  for (std::size_t x = 0; x < taps.outputs; ++x) {
    const std::int16_t* high = taps.high + x * taps.stride;
    const std::int16_t* low = taps.low + x * taps.stride;
    const std::ptrdiff_t first = taps.first[x];
    const std::ptrdiff_t count = taps.count[x];
    FourRows sums{};
    std::ptrdiff_t i = 0;
    for (; i + 16 < count; i += 32) {  // more than 16 left: 32 weights are there, the stride being a multiple of 16
      const __m512i high32 = load_512(high + i);
      const __m512i low32 = load_512(low + i);
      for (std::size_t r = 0; r < rows_at_once; ++r) {
        add(sums, r, _mm512_cvtepu8_epi16(load_256(rows[r] + first + i)), high32, low32);
      }
    }
    __m256i rest[rows_at_once];
    for (std::size_t r = 0; r < rows_at_once; ++r) rest[r] = halves_added(joined(sums.high[r], sums.low[r]));
    if (i < count) {
      const __m256i high16 = load_256(high + i);
      const __m256i low16 = load_256(low + i);
      for (std::size_t r = 0; r < rows_at_once; ++r) {
        const __m256i pixels = _mm256_cvtepu8_epi16(load_128(rows[r] + first + i));
        const __m256i scaled = _mm256_slli_epi32(_mm256_madd_epi16(pixels, high16), low_bits);
        rest[r] = _mm256_add_epi32(rest[r], _mm256_add_epi32(scaled, _mm256_madd_epi16(pixels, low16)));
      }
    }
    const __m256i rows01 = _mm256_hadd_epi32(rest[0], rest[1]);
    const __m256i rows23 = _mm256_hadd_epi32(rest[2], rest[3]);
    const __m128i values = rounded(halves_added(_mm256_hadd_epi32(rows01, rows23)));
    const __m128i words = _mm_packs_epi32(values, values);
    const std::int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    for (std::size_t r = 0; r < rows_at_once; ++r) outs[r][x] = static_cast<std::uint8_t>(bytes >> (8 * r));
  }
}

/// Eight pixels (24 bytes), spread so that each 128-bit lane has two pixels within its first eight bytes: from byte 0,
/// 4 (two in), 12 and 16 (two in).
__m512i spread_of_rgb() { return _mm512_setr_epi32(0, 1, 1, 1, 1, 2, 2, 2, 3, 4, 4, 4, 4, 5, 5, 5); }

/// In each lane, 16-bit pairs of neighbours: (R0 R1)(G0 G1)(B0 B1)(0 0), from byte 0 in even lanes and byte 2 in odd
/// ones.
__m512i pairs_of_rgb() {
  const __m256i two_lanes = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                             2, -1, 5, -1, 3, -1, 6, -1, 4, -1, 7, -1, -1, -1, -1, -1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(two_lanes), two_lanes, 1);
}

void horizontal_3(const std::uint8_t* const* rows, std::uint8_t* const* outs, const TapView& taps) {
  const __m512i spread_pixels = spread_of_rgb();
  const __m512i pick = pairs_of_rgb();
  const __m512i spread_weights = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  for (std::size_t x = 0; x < taps.outputs; ++x) {
    const std::int16_t* high = taps.high + x * taps.stride;
    const std::int16_t* low = taps.low + x * taps.stride;
    const std::ptrdiff_t first = taps.first[x];
    FourRows sums{};
    for (std::ptrdiff_t i = 0; i < taps.count[x]; i += 8) {
      const __m512i high8 = _mm512_permutexvar_epi32(spread_weights, _mm512_castsi128_si512(load_128(high + i)));
      const __m512i low8 = _mm512_permutexvar_epi32(spread_weights, _mm512_castsi128_si512(load_128(low + i)));
      for (std::size_t r = 0; r < rows_at_once; ++r) {
        const __m512i bytes = _mm512_castsi256_si512(load_256(rows[r] + (first + i) * 3));
        const __m512i pixels = _mm512_shuffle_epi8(_mm512_permutexvar_epi32(spread_pixels, bytes), pick);
        add(sums, r, pixels, high8, low8);
      }
    }
    __m128i values[rows_at_once];
    for (std::size_t r = 0; r < rows_at_once; ++r) {
      values[r] = rounded(halves_added(halves_added(joined(sums.high[r], sums.low[r]))));
    }
    const __m128i words01 = _mm_packs_epi32(values[0], values[1]);
    const __m128i words23 = _mm_packs_epi32(values[2], values[3]);
    alignas(16) std::uint8_t bytes[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(bytes), _mm_packus_epi16(words01, words23));
    for (std::size_t r = 0; r < rows_at_once; ++r) __builtin_memcpy(outs[r] + 3 * x, bytes + 4 * r, 4);
  }
}

/// 64 neighbours of the weighted sum, in four groups of sixteen lanes.
struct Block {
  __m512i high[4];
  __m512i low[4];
};

void add_rows(Block& sums, __m512i above, __m512i below, __m512i high, __m512i low) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i left = _mm512_unpacklo_epi8(above, below);
  const __m512i right = _mm512_unpackhi_epi8(above, below);
  const __m512i pairs[4] = {_mm512_unpacklo_epi8(left, zero), _mm512_unpackhi_epi8(left, zero),
                            _mm512_unpacklo_epi8(right, zero), _mm512_unpackhi_epi8(right, zero)};
  for (int g = 0; g < 4; ++g) {
    sums.high[g] = _mm512_add_epi32(sums.high[g], _mm512_madd_epi16(pairs[g], high));
    sums.low[g] = _mm512_add_epi32(sums.low[g], _mm512_madd_epi16(pairs[g], low));
  }
}

__m512i bytes_of(const Block& sums) {
  const __m512i half = _mm512_set1_epi32(1 << (weight_bits - 1));
  __m512i values[4];
  for (int g = 0; g < 4; ++g) {
    values[g] = _mm512_srai_epi32(_mm512_add_epi32(joined(sums.high[g], sums.low[g]), half), weight_bits);
  }
  return _mm512_packus_epi16(_mm512_packs_epi32(values[0], values[1]), _mm512_packs_epi32(values[2], values[3]));
}

void vertical(const std::uint8_t* const* rows, const TapView& taps, std::size_t output, std::uint8_t* out,
              std::size_t length) {
  const std::int16_t* high = taps.high + output * taps.stride;
  const std::int16_t* low = taps.low + output * taps.stride;
  const std::ptrdiff_t count = taps.count[output];
  for (std::size_t x = 0; x < length; x += 64) {
    const std::size_t left = length - x;
    const __mmask64 here = left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
    Block sums{};
    for (std::ptrdiff_t y = 0; y < count; y += 2) {
      const std::uint8_t* below = rows[y + 1 < count ? y + 1 : y];  // the weight past the last row is 0
      add_rows(sums, _mm512_maskz_loadu_epi8(here, rows[y] + x), _mm512_maskz_loadu_epi8(here, below + x),
               _mm512_set1_epi32(load_32(high + y)), _mm512_set1_epi32(load_32(low + y)));
    }
    _mm512_mask_storeu_epi8(out + x, here, bytes_of(sums));
  }
}

void gray(const std::uint8_t* rgb, std::uint8_t* out, std::size_t length) {
  // 38470 does not fit 16 signed bits: half of it goes with red, half with blue.
  const __m512i red_green_weights = _mm512_set1_epi32((19235 << 16) | 19595);
  const __m512i green_blue_weights = _mm512_set1_epi32((7471 << 16) | 19235);
  const __m512i red_green =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1));
  const __m512i green_blue =
      _mm512_broadcast_i32x4(_mm_setr_epi8(1, -1, 2, -1, 4, -1, 5, -1, 7, -1, 8, -1, 10, -1, 11, -1));
  const __m512i four_pixels_a_lane = _mm512_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
  for (std::size_t i = 0; i < length; i += 16) {
    const std::size_t left = length - i;
    const __mmask64 bytes_here = left >= 16 ? (__mmask64{1} << 48) - 1 : (__mmask64{1} << (3 * left)) - 1;
    const __m512i bytes =
        _mm512_permutexvar_epi32(four_pixels_a_lane, _mm512_maskz_loadu_epi8(bytes_here, rgb + 3 * i));
    __m512i sums = _mm512_add_epi32(_mm512_madd_epi16(_mm512_shuffle_epi8(bytes, red_green), red_green_weights),
                                    _mm512_madd_epi16(_mm512_shuffle_epi8(bytes, green_blue), green_blue_weights));
    sums = _mm512_srli_epi32(_mm512_add_epi32(sums, _mm512_set1_epi32(32768)), 16);
    alignas(16) std::uint8_t values[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(values), _mm512_cvtepi32_epi8(sums));
    __builtin_memcpy(out + i, values, left >= 16 ? 16 : left);
  }
}

constexpr Kernels kernels{"avx512", horizontal_1, horizontal_3, vertical, gray};

}  // namespace

const Kernels& MEDISCAN_AVX512_KERNELS() { return kernels; }

}  // namespace mediscan::recipe
