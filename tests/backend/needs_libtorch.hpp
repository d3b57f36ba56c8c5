// For test cases that need a real LibTorch: opens it, or says why the case is skipped.
#pragma once

#include <cstdio>

#include "backend/torch/libtorch.hpp"
#include "libtorch_place.hpp"

namespace mediscan::test {

inline bool has_libtorch() {
  const auto report = backend::torch::find_libtorch(libtorch_place());
  if (!report.available) std::printf("MEDISCAN_SKIP: no LibTorch: %s\n", report.reason.c_str());
  return report.available;
}

}  // namespace mediscan::test
