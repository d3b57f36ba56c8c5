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

struct Team {
  TeamWork work;
  void* context;
};

void take_seat(void* argument) {
  const Team& team = *static_cast<const Team*>(argument);
  const SplitterScope alone(nullptr);
  team.work(libdnnl().omp_get_thread_num(), team.context);
}

}  // namespace

void run_team(int threads, TeamWork work, void* context) {
  if (threads == 1 || libdnnl().GOMP_parallel == nullptr) return work(0, context);
  Team team{work, context};
  libdnnl().GOMP_parallel(&take_seat, &team, static_cast<unsigned>(threads), 0);
}

ThreadScope::ThreadScope(int threads) noexcept
    : openmp_(libdnnl()), splitter_(libdnnl().omp_get_max_threads == nullptr ? nullptr : &split_by_openmp) {
  openmp_.set_threads(threads);
}

}  // namespace mediscan::backend::onednn
