// A lane: the long-lived thread that owns a backend session, and the queue before it. Runtimes keep caches per thread
// (oneDNN's primitives), so a model's work always runs on the same one. It is work-conserving: when it is free it takes
// what waits.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/home_process.hpp"
#include "schedule/latency.hpp"
#include "schedule/task.hpp"
#include "schedule/watch.hpp"

namespace mediscan::schedule {

using Batch = std::span<const std::shared_ptr<Task>>;

/// What a lane does with a batch. Called on the lane's thread alone.
class Runner {
 public:
  virtual ~Runner() = default;
  Runner() = default;
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  /// Ends every task of the batch. `given_up` turns true once all of them have ended otherwise. True when the batch ran
  /// in one go, so that its duration says something.
  virtual bool run(Batch batch, const std::atomic<bool>& given_up) noexcept = 0;
  /// False when batches only wait for a device: then they take no turn (compute_gate.hpp).
  [[nodiscard]] virtual bool computes_on_cpu() const noexcept { return true; }
  /// The last thing the lane does, however it ends.
  virtual void close() noexcept = 0;
};

struct LaneTerms {
  std::string name{};  ///< begins error messages and names the thread (first 15 bytes)
  std::vector<std::uint32_t> buckets{1};
  int threads = 1;  ///< more than one: batches wait for their turn (compute_gate.hpp)
  std::chrono::microseconds max_delay{0};
  std::chrono::milliseconds hang_timeout{60'000};
  /// The runner has not returned for hang_timeout: the lane is given up. On the watch's thread, with no lock held.
  std::function<void(const Error&)> on_stuck{};
};

class Lane {
 public:
  /// Throws OUT_OF_MEMORY when the system has no thread to give.
  Lane(LaneTerms terms, std::shared_ptr<Watch> watch, std::shared_ptr<Runner> runner);
  /// close(). May be called on the lane's own thread, which then ends by itself.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Runs `action` on the lane's thread before any task that waits, and returns when it has ended; throws what it
  /// threw. Throws NOT_READY once the lane is closed, FORKED in a child made by fork(). From any thread but the lane's.
  void call(const std::function<void()>& action);

  /// Tasks that join the queue at once. Those given together may run together. Throws as call(); then no task has
  /// joined. A task that has ended already is let go.
  void enqueue(Batch tasks);

  /// A task has ended: its place is free, and a running batch in which nobody is interested any more is told so.
  void withdraw(const Task& task) noexcept;

  /// A task that will join the queue soon counts as work ahead of others.
  void count_preparing(int change) noexcept;

  /// How long a task of this rank would take from now to its end.
  [[nodiscard]] LatencyModel::Duration expected_wait(const Rank& rank) const;
  /// Time a picture when many wait.
  [[nodiscard]] LatencyModel::Duration per_picture() const;
  void seed_latency(std::uint32_t batch, LatencyModel::Duration took);
  [[nodiscard]] std::vector<LatencyModel::Entry> latencies() const;
  [[nodiscard]] std::size_t waiting() const;

  /// Refuses new work, lets what waits run, closes the runner and ends the thread; returns when that is done, or when
  /// the lane is given up: then its thread is in foreign code, and closes the runner if it ever comes back. A second
  /// call waits for the first. Nothing happens in a child made by fork().
  void close();

 private:
  struct Shared;

  const base::HomeProcess home_;
  std::shared_ptr<Shared> shared_;
  std::mutex joining_;
  std::thread thread_;
};

}  // namespace mediscan::schedule
