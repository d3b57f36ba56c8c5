// One picture on its way through a lane: its place in the queues, its tensor, and its one end. What a picture is, and
// what becomes of its logits, the lane does not know.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <mediscan/error.hpp>
#include <span>

#include "schedule/watch.hpp"

namespace mediscan::schedule {

/// The order of service: higher priority, then earlier deadline, then earlier arrival.
struct Rank {
  int priority = 0;
  Clock::time_point deadline = no_deadline;
  std::uint64_t arrival = 0;  ///< unique in the process

  friend bool operator==(const Rank&, const Rank&) = default;
  friend std::strong_ordering operator<=>(const Rank& a, const Rank& b) {
    if (const auto order = b.priority <=> a.priority; std::is_neq(order)) return order;
    if (const auto order = a.deadline <=> b.deadline; std::is_neq(order)) return order;
    return a.arrival <=> b.arrival;
  }
};

/// A rank for work that arrives now.
Rank rank_now(int priority = 0, Clock::time_point deadline = no_deadline) noexcept;

/// What a batch tells each of its pictures.
struct BatchFacts {
  std::uint32_t size = 0;
  Clock::time_point begun;
  double inference_ms = 0;
};

class Task : public Alarm {
 public:
  explicit Task(const Rank& rank) : rank_(rank) {}

  [[nodiscard]] const Rank& rank() const noexcept { return rank_; }
  [[nodiscard]] bool ended() const noexcept { return ended_.load(std::memory_order_acquire); }

  /// Ends it with an error, unless it has ended. True for the one call that did. Takes the lane's lock: never call it
  /// while holding that.
  bool fail(const Error& error) noexcept;

  /// The picture's numbers; they stay until release(). Empty when it has samples().
  [[nodiscard]] virtual std::span<const float> tensor() const noexcept = 0;
  /// The picture's samples instead, for a session that takes them; likewise.
  [[nodiscard]] virtual std::span<const std::uint8_t> samples() const noexcept { return {}; }
  /// The lane has taken it into a batch.
  virtual void running() noexcept = 0;
  /// Ends it with these logits, unless it has ended. False when they could not be made a result.
  virtual bool take(std::span<const float> logits, const BatchFacts& batch) noexcept = 0;
  /// The lane has no more use for the tensor.
  virtual void release() noexcept = 0;

 protected:
  /// True for the first call: whoever gets it tells the world how the task ended.
  bool claim_end() noexcept { return !ended_.exchange(true, std::memory_order_acq_rel); }
  virtual void failed(const Error& error) noexcept = 0;

 private:
  const Rank rank_;
  std::atomic<bool> ended_{false};
};

}  // namespace mediscan::schedule
