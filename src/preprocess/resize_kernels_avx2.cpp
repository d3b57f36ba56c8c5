// The inner loops for AVX2. Compiled with -mavx2: includes nothing but intrinsics and the raw-pointer contract.
#include <immintrin.h>

#include "preprocess/resize_kernels.hpp"

namespace mediscan::recipe {
namespace {

__m128i load_128(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
__m256i load_256(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }

std::int32_t load_32(const void* from) {
  std::int32_t value = 0;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

/// (high << 11) + low, all 32-bit lanes.
__m256i joined(__m256i high, __m256i low) { return _mm256_add_epi32(_mm256_slli_epi32(high, low_bits), low); }

__m128i halves_added(__m256i sums) {
  return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
}

__m128i rounded(__m128i sums) {
  return _mm_srai_epi32(_mm_add_epi32(sums, _mm_set1_epi32(1 << (weight_bits - 1))), weight_bits);
}

/// Sums of one output position over four rows while its taps are walked.
struct FourRows {
  __m256i high[rows_at_once];
  __m256i low[rows_at_once];
};

void add(FourRows& sums, std::size_t r, __m256i pixels, __m256i high, __m256i low) {
  sums.high[r] = _mm256_add_epi32(sums.high[r], _mm256_madd_epi16(pixels, high));
  sums.low[r] = _mm256_add_epi32(sums.low[r], _mm256_madd_epi16(pixels, low));
}

void horizontal_1(const std::uint8_t* const* rows, std::uint8_t* const* outs, const TapView& taps) {
  for (std::size_t x = 0; x < taps.outputs; ++x) {
    const std::int16_t* high = taps.high + x * taps.stride;
    const std::int16_t* low = taps.low + x * taps.stride;
    const std::ptrdiff_t first = taps.first[x];
    FourRows sums{};
    for (std::ptrdiff_t i = 0; i < taps.count[x]; i += 16) {
      const __m256i high16 = load_256(high + i);
      const __m256i low16 = load_256(low + i);
      for (std::size_t r = 0; r < rows_at_once; ++r) {
        add(sums, r, _mm256_cvtepu8_epi16(load_128(rows[r] + first + i)), high16, low16);
      }
    }
    const __m256i rows01 = _mm256_hadd_epi32(joined(sums.high[0], sums.low[0]), joined(sums.high[1], sums.low[1]));
    const __m256i rows23 = _mm256_hadd_epi32(joined(sums.high[2], sums.low[2]), joined(sums.high[3], sums.low[3]));
    const __m128i values = rounded(halves_added(_mm256_hadd_epi32(rows01, rows23)));
    const __m128i words = _mm_packs_epi32(values, values);
    const std::int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    for (std::size_t r = 0; r < rows_at_once; ++r) outs[r][x] = static_cast<std::uint8_t>(bytes >> (8 * r));
  }
}

/// Four pixels (12 bytes) to 16-bit pairs of neighbours: lane 0 has (R0 R1)(G0 G1)(B0 B1)(0 0), lane 1 the same of
/// pixels 2, 3.
__m256i pairs_of_rgb() {
  return _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                          6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
}

void horizontal_3(const std::uint8_t* const* rows, std::uint8_t* const* outs, const TapView& taps) {
  const __m256i pick = pairs_of_rgb();
  const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);  // weights 0, 1 to lane 0 and 2, 3 to lane 1
  for (std::size_t x = 0; x < taps.outputs; ++x) {
    const std::int16_t* high = taps.high + x * taps.stride;
    const std::int16_t* low = taps.low + x * taps.stride;
    const std::ptrdiff_t first = taps.first[x];
    FourRows sums{};
    for (std::ptrdiff_t i = 0; i < taps.count[x]; i += 4) {
      const __m256i high4 = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(load_128(high + i)), spread);
      const __m256i low4 = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(load_128(low + i)), spread);
      for (std::size_t r = 0; r < rows_at_once; ++r) {
        const __m256i bytes = _mm256_broadcastsi128_si256(load_128(rows[r] + (first + i) * 3));
        add(sums, r, _mm256_shuffle_epi8(bytes, pick), high4, low4);
      }
    }
    __m128i values[rows_at_once];
    for (std::size_t r = 0; r < rows_at_once; ++r) {
      values[r] = rounded(halves_added(joined(sums.high[r], sums.low[r])));
    }
    const __m128i words01 = _mm_packs_epi32(values[0], values[1]);
    const __m128i words23 = _mm_packs_epi32(values[2], values[3]);
    alignas(16) std::uint8_t bytes[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(bytes), _mm_packus_epi16(words01, words23));
    for (std::size_t r = 0; r < rows_at_once; ++r) __builtin_memcpy(outs[r] + 3 * x, bytes + 4 * r, 4);
  }
}

/// 32 neighbours of the weighted sum, in four groups of eight lanes.
struct Block {
  __m256i high[4];
  __m256i low[4];
};

void add_rows(Block& sums, __m256i above, __m256i below, __m256i high, __m256i low) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i left = _mm256_unpacklo_epi8(above, below);
  const __m256i right = _mm256_unpackhi_epi8(above, below);
  const __m256i pairs[4] = {_mm256_unpacklo_epi8(left, zero), _mm256_unpackhi_epi8(left, zero),
                            _mm256_unpacklo_epi8(right, zero), _mm256_unpackhi_epi8(right, zero)};
  for (int g = 0; g < 4; ++g) {
    sums.high[g] = _mm256_add_epi32(sums.high[g], _mm256_madd_epi16(pairs[g], high));
    sums.low[g] = _mm256_add_epi32(sums.low[g], _mm256_madd_epi16(pairs[g], low));
  }
}

__m256i bytes_of(const Block& sums) {
  const __m256i half = _mm256_set1_epi32(1 << (weight_bits - 1));
  __m256i values[4];
  for (int g = 0; g < 4; ++g) {
    values[g] = _mm256_srai_epi32(_mm256_add_epi32(joined(sums.high[g], sums.low[g]), half), weight_bits);
  }
  return _mm256_packus_epi16(_mm256_packs_epi32(values[0], values[1]), _mm256_packs_epi32(values[2], values[3]));
}

void vertical_rest(const std::uint8_t* const* rows, const TapView& taps, std::size_t output, std::uint8_t* out,
                   std::size_t from, std::size_t length) {
  const std::int32_t* weights = taps.weights + output * taps.stride;
  for (std::size_t x = from; x < length; ++x) {
    std::int32_t sum = 1 << (weight_bits - 1);
    for (std::ptrdiff_t y = 0; y < taps.count[output]; ++y) sum += rows[y][x] * weights[y];
    sum >>= weight_bits;
    out[x] = static_cast<std::uint8_t>(sum < 0 ? 0 : (sum > 255 ? 255 : sum));
  }
}

void vertical(const std::uint8_t* const* rows, const TapView& taps, std::size_t output, std::uint8_t* out,
              std::size_t length) {
  const std::int16_t* high = taps.high + output * taps.stride;
  const std::int16_t* low = taps.low + output * taps.stride;
  const std::ptrdiff_t count = taps.count[output];
  std::size_t x = 0;
  for (; x + 32 <= length; x += 32) {
    Block sums{};
    for (std::ptrdiff_t y = 0; y < count; y += 2) {
      const std::uint8_t* below = rows[y + 1 < count ? y + 1 : y];  // the weight past the last row is 0
      add_rows(sums, load_256(rows[y] + x), load_256(below + x), _mm256_set1_epi32(load_32(high + y)),
               _mm256_set1_epi32(load_32(low + y)));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x), bytes_of(sums));
  }
  vertical_rest(rows, taps, output, out, x, length);
}

void gray(const std::uint8_t* rgb, std::uint8_t* out, std::size_t length) {
  // 38470 does not fit 16 signed bits: half of it goes with red, half with blue.
  const __m256i red_green_weights = _mm256_set1_epi32((19235 << 16) | 19595);
  const __m256i green_blue_weights = _mm256_set1_epi32((7471 << 16) | 19235);
  const __m256i red_green =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1));
  const __m256i green_blue =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(1, -1, 2, -1, 4, -1, 5, -1, 7, -1, 8, -1, 10, -1, 11, -1));
  std::size_t i = 0;
  for (; i + 10 <= length; i += 8) {  // reads 28 bytes, so the pixels up to 9.3
    const std::uint8_t* from = rgb + 3 * i;
    const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(load_128(from)), load_128(from + 12), 1);
    __m256i sums = _mm256_add_epi32(_mm256_madd_epi16(_mm256_shuffle_epi8(bytes, red_green), red_green_weights),
                                    _mm256_madd_epi16(_mm256_shuffle_epi8(bytes, green_blue), green_blue_weights));
    sums = _mm256_srli_epi32(_mm256_add_epi32(sums, _mm256_set1_epi32(32768)), 16);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + i), _mm_packus_epi16(words, words));
  }
  for (; i < length; ++i) {
    const std::uint8_t* pixel = rgb + 3 * i;
    out[i] = static_cast<std::uint8_t>((pixel[0] * 19595U + pixel[1] * 38470U + pixel[2] * 7471U + 32768U) >> 16);
  }
}

constexpr Kernels kernels{"avx2", horizontal_1, horizontal_3, vertical, gray};

}  // namespace

const Kernels& avx2_kernels() { return kernels; }

}  // namespace mediscan::recipe
