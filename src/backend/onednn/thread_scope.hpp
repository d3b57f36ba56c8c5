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

/// What one of a team's threads does; `seat` counts them from 0.
using TeamWork = void (*)(int seat, void* context) noexcept;

/// Does `work` on so many threads at once, the calling one among them, and returns when all have done it. Parallel
/// regions and loops inside run on the thread that meets them. There may be fewer than asked for, but always seat 0;
/// just one where oneDNN has no threads. Inside a ThreadScope.
void run_team(int threads, TeamWork work, void* context);

}  // namespace mediscan::backend::onednn
