// Tasks whose tensors are ready, in order of rank, and the choice of the next batch. Not thread-safe: the lane's lock
// guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <vector>

#include "schedule/latency.hpp"
#include "schedule/task.hpp"

namespace mediscan::schedule {

class ReadyQueue {
 public:
  explicit ReadyQueue(std::vector<std::uint32_t> buckets) : buckets_(std::move(buckets)) {}

  void add(std::shared_ptr<Task> task);
  /// The task, taken out; null when it is not here.
  std::shared_ptr<Task> remove(const Rank& rank);

  struct Pick {
    std::vector<std::shared_ptr<Task>> batch;
    std::vector<std::shared_ptr<Task>> too_late;  ///< could not be done in time even alone, and are out of the queue
  };
  /// The first tasks in order of rank, as many as the largest bucket they fill whose expected duration still meets the
  /// earliest deadline among them: EDF within priority, never padded. At most `most` of them.
  Pick pick(Clock::time_point now, const LatencyModel& latency,
            std::size_t most = std::numeric_limits<std::size_t>::max());

  std::vector<std::shared_ptr<Task>> take_all();

  /// How many stand before this rank.
  [[nodiscard]] std::size_t ahead_of(const Rank& rank) const;
  [[nodiscard]] std::size_t size() const noexcept { return tasks_.size(); }
  [[nodiscard]] bool empty() const noexcept { return tasks_.empty(); }
  [[nodiscard]] bool fills_largest() const noexcept { return tasks_.size() >= buckets_.back(); }
  /// Since when a task waits without a batch having been picked.
  [[nodiscard]] Clock::time_point waiting_since() const noexcept { return waiting_since_; }

 private:
  std::vector<std::shared_ptr<Task>> take(std::size_t count);

  const std::vector<std::uint32_t> buckets_;  // rising
  std::map<Rank, std::shared_ptr<Task>> tasks_;
  Clock::time_point waiting_since_;
};

}  // namespace mediscan::schedule
