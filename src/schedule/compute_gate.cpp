#include "schedule/compute_gate.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

namespace mediscan::schedule {
namespace {

struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t last = 0;
  std::map<std::uint64_t, int> holders;  // their threads
  std::deque<std::uint64_t> waiting;

  [[nodiscard]] int held() const {
    int threads = 0;
    for (const auto& [number, each] : holders) threads += each;
    return threads;
  }
};

/// Of the process, as its cores are. Never destroyed: a lane may outlive the statics.
Gate& gate() {
  static auto* const instance = new Gate;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
  return *instance;
}

}  // namespace

ComputeTurn enter_compute(int threads, int budget) {
  if (threads <= 1) return {};
  Gate& shared = gate();
  std::unique_lock lock(shared.mutex);
  const std::uint64_t number = ++shared.last;
  shared.waiting.push_back(number);
  shared.changed.wait(lock, [&] {
    return shared.waiting.front() == number && (shared.holders.empty() || shared.held() + threads <= budget);
  });
  shared.waiting.pop_front();
  shared.holders.emplace(number, threads);
  shared.changed.notify_all();  // the next may fit beside this one
  return ComputeTurn(number);
}

void revoke_compute(std::uint64_t number) noexcept {
  if (number == 0) return;
  Gate& shared = gate();
  {
    const std::scoped_lock lock(shared.mutex);
    if (shared.holders.erase(number) == 0) return;
  }
  shared.changed.notify_all();
}

ComputeTurn::~ComputeTurn() { revoke_compute(number_); }

}  // namespace mediscan::schedule
