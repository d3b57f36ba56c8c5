#include "schedule/compute_gate.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>

namespace mediscan::schedule {
namespace {

struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t last = 0;
  std::uint64_t holder = 0;
  std::deque<std::uint64_t> waiting;
};

/// Of the process, as its cores are. Never destroyed: a lane may outlive the statics.
Gate& gate() {
  static auto* const instance = new Gate;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
  return *instance;
}

}  // namespace

ComputeTurn enter_compute(int threads) {
  if (threads <= 1) return {};
  Gate& shared = gate();
  std::unique_lock lock(shared.mutex);
  const std::uint64_t number = ++shared.last;
  shared.waiting.push_back(number);
  shared.changed.wait(lock, [&] { return shared.holder == 0 && shared.waiting.front() == number; });
  shared.waiting.pop_front();
  shared.holder = number;
  return ComputeTurn(number);
}

void revoke_compute(std::uint64_t number) noexcept {
  if (number == 0) return;
  Gate& shared = gate();
  {
    const std::scoped_lock lock(shared.mutex);
    if (shared.holder != number) return;
    shared.holder = 0;
  }
  shared.changed.notify_all();
}

ComputeTurn::~ComputeTurn() { revoke_compute(number_); }

}  // namespace mediscan::schedule
