// The sets of kernels that this machine can run, the emulated AVX-512 among them.
#pragma once

#include <iostream>
#include <string>
#include <vector>

#include "preprocess/simd.hpp"

namespace mediscan::recipe {
const Kernels& emulated_avx512_kernels();  // emulated_avx512.cpp
}

namespace mediscan::test {

struct KernelSet {
  std::string name;
  const recipe::Kernels* kernels = nullptr;  ///< null: cannot run here
};

/// "portable", "avx2", "avx512" or "avx512 (emulated)". Where the set cannot run here, null; and unless `quiet` (for
/// tests that have other sets to run) the line that marks the test as skipped.
inline KernelSet kernel_set(const std::string& name, bool quiet = false) {
  using recipe::SimdLevel;
  if (name == "avx512 (emulated)") {
#ifdef MEDISCAN_WITH_SIMDE
    return {name, &recipe::emulated_avx512_kernels()};
#else
    if (!quiet) std::cout << "MEDISCAN_SKIP: SIMDe was not found (Debian: libsimde-dev)\n";
    return {name, nullptr};
#endif
  }
  for (const SimdLevel level : {SimdLevel::portable, SimdLevel::avx2, SimdLevel::avx512}) {
    if (name != recipe::name_of(level)) continue;
    if (level <= recipe::best_simd_level()) return {name, &recipe::kernels_of(level)};
    if (!quiet) std::cout << "MEDISCAN_SKIP: this processor has no " << name << "\n";
  }
  return {name, nullptr};
}

}  // namespace mediscan::test
