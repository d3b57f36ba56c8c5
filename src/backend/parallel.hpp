// Splitting a loop among threads: those of whichever library computes on this thread, so that a lane never starts a
// second set beside them.
#pragma once

#include <cstdint>

namespace mediscan::backend {

/// A part of a loop: [begin, end) and what the loop was given.
using LoopPart = void (*)(std::int64_t begin, std::int64_t end, void* context);

/// Runs parts of [0, count), at least `grain` each, and returns when all are done.
using Splitter = void (*)(std::int64_t count, std::int64_t grain, LoopPart part, void* context);

/// For as long as it lives, the calling thread's loops are split by `splitter`.
class SplitterScope {
 public:
  explicit SplitterScope(Splitter splitter) noexcept;
  ~SplitterScope();
  SplitterScope(const SplitterScope&) = delete;
  SplitterScope& operator=(const SplitterScope&) = delete;

 private:
  Splitter before_;
};

/// Runs by the calling thread's splitter; without one, here, as a whole.
void split(std::int64_t count, std::int64_t grain, LoopPart part, void* context);

/// Runs body(begin, end) over parts of [0, count), at least `grain` each. `body` must not throw.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
  const auto part = [](std::int64_t begin, std::int64_t end, void* context) {
    (*static_cast<const Body*>(context))(begin, end);
  };
  split(count, grain, part, const_cast<Body*>(&body));
}

}  // namespace mediscan::backend
