// LibTorch's settings of the calling thread for as long as we compute on it: gradients off, so many OpenMP threads, and
// loops of ours split among them. The
// host's own settings come back afterwards, and the workers that computed with us end; other threads' are never
// touched.
#pragma once

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
  int threads_before_ = 0;  // 0: LibTorch runs without OpenMP
};

}  // namespace mediscan::backend::torch
