#include "preprocess/simd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mediscan/error.hpp>
#include <mediscan/preprocess.hpp>
#include <string>

namespace mediscan::recipe {
namespace {

constexpr std::array levels{SimdLevel::portable, SimdLevel::avx2, SimdLevel::avx512};

}  // namespace

std::string_view name_of(SimdLevel level) noexcept {
  switch (level) {
    case SimdLevel::avx512:
      return "avx512";
    case SimdLevel::avx2:
      return "avx2";
    case SimdLevel::portable:
      break;
  }
  return "portable";
}

SimdLevel best_simd_level() noexcept {
#ifdef MEDISCAN_X86_KERNELS
  // The checks include the operating system's: it must save the wide registers.
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    return SimdLevel::avx512;
  }
  if (__builtin_cpu_supports("avx2")) return SimdLevel::avx2;
#endif
  return SimdLevel::portable;
}

SimdLevel chosen_simd_level(std::string_view requested, SimdLevel best) {
  if (requested.empty()) return best;
  for (const SimdLevel level : levels) {
    if (requested == name_of(level)) return std::min(level, best);
  }
  throw Error(ErrorCode::invalid_argument, Stage::preprocess,
              fmt::format("MEDISCAN_SIMD is \"{}\", expected portable, avx2 or avx512", requested),
              "set MEDISCAN_SIMD to one of these, or unset it for the best this processor has");
}

const Kernels& kernels_of([[maybe_unused]] SimdLevel level) noexcept {
#ifdef MEDISCAN_X86_KERNELS
  if (level == SimdLevel::avx512) return avx512_kernels();
  if (level == SimdLevel::avx2) return avx2_kernels();
#endif
  return portable_kernels();
}

const Kernels& active_kernels() {
  static const Kernels& kernels = [&]() -> const Kernels& {
    const char* requested = std::getenv("MEDISCAN_SIMD");
    return kernels_of(chosen_simd_level(requested == nullptr ? "" : requested, best_simd_level()));
  }();
  return kernels;
}

}  // namespace mediscan::recipe

namespace mediscan {

std::string simd_level() { return recipe::active_kernels().name; }

}  // namespace mediscan
