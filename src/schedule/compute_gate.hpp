// One lane at a time inside a parallel region. A second OpenMP team that starts while the first one's workers still
// spin runs 1.2 to 1.8 times slower (measured, see docs/architecture.md), so lanes with more than one thread take
// turns.
#pragma once

#include <mutex>

namespace mediscan::schedule {

/// The turn is held while the guard lives. A lane of one thread needs none and gets an empty guard.
[[nodiscard]] std::unique_lock<std::mutex> enter_compute(int threads);

}  // namespace mediscan::schedule
