// The AVX-512 kernels' own text, compiled on SIMDe instead of the processor's instructions, so that its logic is tested
// everywhere. What SIMDe 0.7 lacks (or aliases wrongly) of the instructions used is stood in for below, lane by lane,
// from Intel's description.
#define MEDISCAN_EMULATED_AVX512
#define MEDISCAN_AVX512_KERNELS emulated_avx512_kernels
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

#include <cstdint>
#include <cstring>

#include "preprocess/resize_kernels.hpp"

namespace {

template <class Lane, std::size_t Count>
struct Lanes {
  Lane at[Count] = {};

  Lanes() = default;
  template <class Register>
  explicit Lanes(const Register& value) {
    static_assert(sizeof at == sizeof value);
    std::memcpy(at, &value, sizeof at);
  }
  template <class Register>
  [[nodiscard]] Register as() const {
    Register value;
    static_assert(sizeof at == sizeof value);
    std::memcpy(&value, at, sizeof at);
    return value;
  }
};

simde__m512i stand_in_madd_epi16(simde__m512i a, simde__m512i b) {
  const Lanes<std::int16_t, 32> left(a);
  const Lanes<std::int16_t, 32> right(b);
  Lanes<std::int32_t, 16> out;
  for (std::size_t i = 0; i < 16; ++i) {
    out.at[i] = left.at[2 * i] * right.at[2 * i] + left.at[2 * i + 1] * right.at[2 * i + 1];
  }
  return out.as<simde__m512i>();
}

simde__m512i stand_in_cvtepu8_epi16(simde__m256i a) {
  const Lanes<std::uint8_t, 32> in(a);
  Lanes<std::int16_t, 32> out;
  for (std::size_t i = 0; i < 32; ++i) out.at[i] = in.at[i];
  return out.as<simde__m512i>();
}

simde__m512i stand_in_srai_epi32(simde__m512i a, unsigned count) {
  Lanes<std::int32_t, 16> out(a);
  for (std::int32_t& lane : out.at) lane >>= count;
  return out.as<simde__m512i>();
}

simde__m128i stand_in_cvtepi32_epi8(simde__m512i a) {
  const Lanes<std::int32_t, 16> in(a);
  Lanes<std::uint8_t, 16> out;
  for (std::size_t i = 0; i < 16; ++i) out.at[i] = static_cast<std::uint8_t>(in.at[i]);
  return out.as<simde__m128i>();
}

simde__m512i stand_in_maskz_loadu_epi8(std::uint64_t mask, const void* from) {
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  Lanes<std::uint8_t, 64> out;
  for (std::size_t i = 0; i < 64; ++i) {
    if ((mask >> i & 1U) != 0) out.at[i] = bytes[i];
  }
  return out.as<simde__m512i>();
}

void stand_in_mask_storeu_epi8(void* to, std::uint64_t mask, simde__m512i a) {
  const Lanes<std::uint8_t, 64> in(a);
  auto* bytes = static_cast<std::uint8_t*>(to);
  for (std::size_t i = 0; i < 64; ++i) {
    if ((mask >> i & 1U) != 0) bytes[i] = in.at[i];
  }
}

}  // namespace

#undef _mm512_madd_epi16
#define _mm512_madd_epi16 stand_in_madd_epi16
#undef _mm512_cvtepu8_epi16
#define _mm512_cvtepu8_epi16 stand_in_cvtepu8_epi16
#undef _mm512_srai_epi32
#define _mm512_srai_epi32 stand_in_srai_epi32
#undef _mm512_cvtepi32_epi8
#define _mm512_cvtepi32_epi8 stand_in_cvtepi32_epi8
#undef _mm512_maskz_loadu_epi8
#define _mm512_maskz_loadu_epi8 stand_in_maskz_loadu_epi8
#undef _mm512_mask_storeu_epi8
#define _mm512_mask_storeu_epi8 stand_in_mask_storeu_epi8
#undef __mmask64
#define __mmask64 std::uint64_t

namespace mediscan::recipe {
const Kernels& emulated_avx512_kernels();
}

#include "preprocess/resize_kernels_avx512.cpp"  // NOLINT(bugprone-suspicious-include): compiled a second time on purpose
