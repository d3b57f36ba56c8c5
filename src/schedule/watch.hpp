// One thread that rings alarms: deadlines of jobs, batches that take too long. It starts with the first alarm. Not a
// place to do work: what an alarm does must be short.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "base/home_process.hpp"

namespace mediscan::schedule {

using Clock = std::chrono::steady_clock;
inline constexpr Clock::time_point no_deadline = Clock::time_point::max();

/// A moment so far from now; no_deadline when that is further than the clock reaches. Waiting for such a moment is
/// waiting for ever, for std::condition_variable, too.
inline Clock::time_point after(std::chrono::nanoseconds span) {
  constexpr std::chrono::hours a_century{876'000};
  const auto now = Clock::now();
  return span >= a_century ? no_deadline : now + std::chrono::duration_cast<Clock::duration>(span);
}

class Alarm {
 public:
  virtual ~Alarm() = default;
  Alarm() = default;
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  /// On the watch's thread, with no lock held; so is the alarm destroyed if it is let go meanwhile. Must not throw.
  virtual void ring() noexcept = 0;
};

class Watch {
 public:
  Watch();
  /// Alarms that have not rung yet never will. May be called on the watch's own thread.
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  using Entry = std::pair<Clock::time_point, std::uint64_t>;

  /// Rings once at `when`, unless removed or gone before.
  Entry add(Clock::time_point when, std::weak_ptr<Alarm> alarm);
  /// An entry that has rung already is no longer there: nothing happens.
  void remove(const Entry& entry) noexcept;

 private:
  struct Shared;
  static void serve(const std::shared_ptr<Shared>& shared);

  const base::HomeProcess home_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace mediscan::schedule
