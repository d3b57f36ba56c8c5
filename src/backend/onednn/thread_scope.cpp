#include "backend/onednn/thread_scope.hpp"

#include <algorithm>
#include <cstdint>

#include "backend/onednn/libdnnl.hpp"

namespace mediscan::backend::onednn {
namespace {

struct Loop {
  std::int64_t count;
  std::int64_t parts;
  LoopPart part;
  void* context;
};

/// The parts of a loop that fall to the calling one of a team's threads.
void run_share(void* argument) {
  const Loop& loop = *static_cast<const Loop*>(argument);
  const std::int64_t team = libdnnl().omp_get_num_threads();
  for (std::int64_t i = libdnnl().omp_get_thread_num(); i < loop.parts; i += team) {
    loop.part(loop.count * i / loop.parts, loop.count * (i + 1) / loop.parts, loop.context);
  }
}

void split_by_openmp(std::int64_t count, std::int64_t grain, LoopPart part, void* context) {
  const std::int64_t threads = libdnnl().omp_get_max_threads();
  Loop loop{count, std::clamp<std::int64_t>(count / grain, 1, threads), part, context};
  if (loop.parts == 1) {
    part(0, count, context);
  } else {
    libdnnl().GOMP_parallel(&run_share, &loop, static_cast<unsigned>(loop.parts), 0);
  }
}

}  // namespace

ThreadScope::ThreadScope(int threads) noexcept
    : threads_before_(libdnnl().omp_get_max_threads == nullptr ? 0 : libdnnl().omp_get_max_threads()),
      splitter_(threads_before_ == 0 ? nullptr : &split_by_openmp) {
  if (threads_before_ > 0) libdnnl().omp_set_num_threads(threads);
}

ThreadScope::~ThreadScope() {
  // The calling thread's OpenMP workers end. Left alive they would spin for milliseconds, waiting for a next region, on
  // the cores that decode the next picture; starting them anew costs some tens of microseconds.
  if (libdnnl().omp_pause_resource != nullptr) {
    constexpr int omp_pause_soft = 1;
    libdnnl().omp_pause_resource(omp_pause_soft, libdnnl().omp_get_initial_device());
  }
  if (threads_before_ > 0) libdnnl().omp_set_num_threads(threads_before_);
}

}  // namespace mediscan::backend::onednn
