#include "backend/parallel.hpp"

#include <utility>

namespace mediscan::backend {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): each thread has its own, set by SplitterScope
thread_local Splitter splitter_of_thread = nullptr;

}  // namespace

SplitterScope::SplitterScope(Splitter splitter) noexcept : before_(std::exchange(splitter_of_thread, splitter)) {}

SplitterScope::~SplitterScope() { splitter_of_thread = before_; }

void split(std::int64_t count, std::int64_t grain, LoopPart part, void* context) {
  if (count <= 0) return;
  if (splitter_of_thread != nullptr && count > grain) {
    splitter_of_thread(count, grain, part, context);
  } else {
    part(0, count, context);
  }
}

}  // namespace mediscan::backend
