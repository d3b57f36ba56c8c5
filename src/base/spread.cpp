#include "base/spread.hpp"

#include <sched.h>

namespace mediscan::base {

Spread::Spread(int others) noexcept : others_(others) { (void)take(::sched_getcpu()); }

/// Whether the CPU was free.
bool Spread::take(int cpu) noexcept {
  if (cpu < 0 || cpu >= most_cpus) return false;
  const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(cpu);
  return (taken_.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
}

void Spread::arrive() noexcept {
  const int here = ::sched_getcpu();
  cpu_set_t allowed;
  if (here >= 0 && here < most_cpus && !take(here) && ::sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    for (int i = 1; i < most_cpus; ++i) {
      const int cpu = (here + i) % most_cpus;  // the next, not the lowest: several teams are not all sent to the same
      if (!CPU_ISSET(static_cast<unsigned>(cpu), &allowed) || !take(cpu)) continue;
      cpu_set_t only;
      CPU_ZERO(&only);
      CPU_SET(static_cast<unsigned>(cpu), &only);
      // The first moves it, the second leaves it free again: it stays until the system finds better.
      if (::sched_setaffinity(0, sizeof only, &only) == 0) (void)::sched_setaffinity(0, sizeof allowed, &allowed);
      break;
    }
  }
  arrived_.fetch_add(1, std::memory_order_release);
}

void Spread::wait(std::chrono::microseconds longest) const noexcept {
  const auto end = std::chrono::steady_clock::now() + longest;
  while (arrived_.load(std::memory_order_acquire) < others_ && std::chrono::steady_clock::now() < end) ::sched_yield();
}

}  // namespace mediscan::base
