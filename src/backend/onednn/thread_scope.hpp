// The calling thread's settings for as long as we compute on it with oneDNN: so many OpenMP threads, and loops of ours
// split among them.
#pragma once

#include "backend/openmp.hpp"
#include "backend/parallel.hpp"

namespace mediscan::backend::onednn {

class ThreadScope {
 public:
  /// Needs an opened oneDNN.
  explicit ThreadScope(int threads) noexcept;

 private:
  OpenMpScope openmp_;
  SplitterScope splitter_;
};

}  // namespace mediscan::backend::onednn
