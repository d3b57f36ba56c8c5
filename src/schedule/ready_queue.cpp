#include "schedule/ready_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mediscan::schedule {
namespace {

/// Both are durations; a deadline of "never" must not overflow.
bool in_time(Clock::time_point now, LatencyModel::Duration takes, Clock::time_point deadline) {
  return deadline == no_deadline || takes <= deadline - now;
}

}  // namespace

void ReadyQueue::add(std::shared_ptr<Task> task) {
  if (tasks_.empty()) waiting_since_ = Clock::now();
  const Rank rank = task->rank();
  tasks_.emplace(rank, std::move(task));
}

std::shared_ptr<Task> ReadyQueue::remove(const Rank& rank) {
  const auto found = tasks_.find(rank);
  if (found == tasks_.end()) return nullptr;
  auto task = std::move(found->second);
  tasks_.erase(found);
  return task;
}

ReadyQueue::Pick ReadyQueue::pick(Clock::time_point now, const LatencyModel& latency, std::size_t most) {
  Pick pick;
  const auto alone = latency.expected(buckets_.front());
  // What is too late leaves first, as far as the largest batch could reach: it must hold up no one.
  std::size_t seen = 0;
  for (auto at = tasks_.begin(); at != tasks_.end() && seen < buckets_.back();) {
    if (in_time(now, alone, at->second->rank().deadline)) {
      ++at;
      ++seen;
    } else {
      pick.too_late.push_back(std::move(at->second));
      at = tasks_.erase(at);
    }
  }
  Clock::time_point earliest = no_deadline;
  std::size_t best = 0;
  std::size_t count = 0;
  auto at = tasks_.begin();
  for (const std::uint32_t bucket : buckets_) {
    if (bucket > std::min(tasks_.size(), most)) break;
    for (; count < bucket; ++count, ++at) earliest = std::min(earliest, at->second->rank().deadline);
    if (count > 1 && !in_time(now, latency.expected(bucket), earliest)) break;
    best = bucket;
  }
  pick.batch = take(best);
  waiting_since_ = now;
  return pick;
}

std::vector<std::shared_ptr<Task>> ReadyQueue::take(std::size_t count) {
  std::vector<std::shared_ptr<Task>> taken;
  taken.reserve(count);
  auto at = tasks_.begin();
  for (; taken.size() < count; ++at) taken.push_back(std::move(at->second));
  tasks_.erase(tasks_.begin(), at);
  return taken;
}

std::vector<std::shared_ptr<Task>> ReadyQueue::take_all() { return take(tasks_.size()); }

std::size_t ReadyQueue::ahead_of(const Rank& rank) const {
  return static_cast<std::size_t>(std::distance(tasks_.begin(), tasks_.lower_bound(rank)));
}

}  // namespace mediscan::schedule
