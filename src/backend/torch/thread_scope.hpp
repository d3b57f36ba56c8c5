// LibTorch's settings of the calling thread for as long as we compute on it: gradients off, so many OpenMP threads, and
// loops of ours split among them.
#pragma once

#include "backend/openmp.hpp"
#include "backend/parallel.hpp"

namespace mediscan::backend::torch {

class ThreadScope {
 public:
  /// Needs an opened LibTorch.
  explicit ThreadScope(int threads) noexcept;
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  bool gradients_before_;
  SplitterScope splitter_;
  OpenMpScope openmp_;
};

}  // namespace mediscan::backend::torch
