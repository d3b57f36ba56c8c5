// Whether a server that failed is worth asking again: after three failures in a row it is left alone for a second, then
// one caller tries, and each failed try doubles the pause up to half a minute. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace mediscan::cache {

class CircuitBreaker {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr int failures_to_open = 3;
  static constexpr std::chrono::milliseconds first_pause{1000};
  static constexpr std::chrono::milliseconds longest_pause{30'000};

  /// Leave to try once; whoever got it says how it went, exactly once.
  struct Permit {
    std::uint64_t period;  ///< what a try of an earlier period says later no longer counts
  };

  /// What a report changed.
  enum class Change { none, opened, closed };

  /// Nothing while open, and for all but one while that one tries.
  [[nodiscard]] std::optional<Permit> permit(Clock::time_point now) noexcept;
  Change succeeded(Permit permit) noexcept;
  Change failed(Permit permit, Clock::time_point now) noexcept;
  /// It came to no try.
  void withdrawn(Permit permit) noexcept;

  /// Open, and not yet due for a try: permit() would give nothing.
  [[nodiscard]] bool waiting(Clock::time_point now) const noexcept;

  /// Open, or being tried.
  [[nodiscard]] bool open() const noexcept;

 private:
  mutable std::mutex mutex_;
  std::uint64_t period_ = 0;  ///< counts openings, tries and closings
  int failures_ = 0;          ///< in a row, while closed
  bool open_ = false;
  bool trying_ = false;  ///< while open
  Clock::time_point until_{};
  std::chrono::milliseconds pause_ = first_pause;
};

}  // namespace mediscan::cache
