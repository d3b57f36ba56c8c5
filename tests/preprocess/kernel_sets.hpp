// The sets of kernels that this machine can run, the emulated AVX-512 among them.
#pragma once

#include <iostream>
#include <string>

#include "preprocess/simd.hpp"

namespace mediscan::recipe {
const Kernels& emulated_avx512_kernels();  // emulated_avx512.cpp
}

namespace mediscan::test {

/// "portable", "avx2", "avx512" or "avx512 (emulated)". Where the set cannot run here, null; and unless `quiet` (for
/// tests that have other sets to run) the line that marks the test as skipped.
inline const recipe::Kernels* kernel_set(const std::string& name, bool quiet = false) {
  using recipe::SimdLevel;
  if (name == "avx512 (emulated)") {
#ifdef MEDISCAN_WITH_SIMDE
    return &recipe::emulated_avx512_kernels();
#else
    if (!quiet) std::cout << "MEDISCAN_SKIP: SIMDe was not found (Debian: libsimde-dev)\n";
    return nullptr;
#endif
  }
  for (const SimdLevel level : {SimdLevel::portable, SimdLevel::avx2, SimdLevel::avx512}) {
    if (name != recipe::name_of(level)) continue;
    if (level <= recipe::best_simd_level()) return &recipe::kernels_of(level);
    if (!quiet) std::cout << "MEDISCAN_SKIP: this processor has no " << name << "\n";
  }
  return nullptr;
}

}  // namespace mediscan::test
