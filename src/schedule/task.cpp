#include "schedule/task.hpp"

namespace mediscan::schedule {

Rank rank_now(int priority, Clock::time_point deadline) noexcept {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): arrivals are counted over the whole process
  static std::atomic<std::uint64_t> arrivals{0};
  return {priority, deadline, arrivals.fetch_add(1, std::memory_order_relaxed)};
}

bool Task::fail(const Error& error) noexcept {
  if (!claim_end()) return false;
  failed(error);
  return true;
}

}  // namespace mediscan::schedule
