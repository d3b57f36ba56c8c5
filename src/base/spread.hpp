// Threads that are started to compute beside others, each on a CPU of its own. Linux may leave a thread that was just
// started on its starter's CPU, waiting there for milliseconds while another CPU is idle: 6.18 often does so to what a
// thread starts that had slept before.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace mediscan::base {

class Spread {
 public:
  /// For the calling thread and `others` that it is about to start.
  explicit Spread(int others) noexcept;
  Spread(const Spread&) = delete;
  Spread& operator=(const Spread&) = delete;

  /// First thing on each of the others: moves to a CPU that none of these threads took, of those that it may run on;
  /// stays where there is none. It is not bound to it. Thread-safe.
  void arrive() noexcept;

  /// On the calling thread once they are started: lets those that stand on its CPU begin. Returns when all have
  /// arrived, or after `longest`.
  void wait(std::chrono::microseconds longest = std::chrono::microseconds(300)) const noexcept;

 private:
  bool take(int cpu) noexcept;

  static constexpr int most_cpus = 64;  // of more, threads stay where the system puts them

  int others_;
  std::atomic<int> arrived_{0};
  std::atomic<std::uint64_t> taken_{0};  // a bit a CPU
};

}  // namespace mediscan::base
