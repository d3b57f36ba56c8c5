// A model's lanes: the long-lived threads that each own a backend session, and the one queue before them. Runtimes keep
// caches per thread (oneDNN's primitives), so a session's work always runs on the same one. Lanes are work-conserving:
// one that is free takes what waits.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
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

/// What a lane does with a batch. Called on that lane's thread alone.
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
  std::string name{};  ///< begins error messages and names the threads (first 15 bytes)
  std::vector<std::uint32_t> buckets{1};
  int threads = 1;  ///< of each lane; more than one: batches wait for their turn (compute_gate.hpp)
  int budget = 0;   ///< threads that all turns of the process may take together; 0: one turn at a time
  std::chrono::microseconds max_delay{0};
  std::chrono::milliseconds hang_timeout{60'000};
  /// A runner has not returned for hang_timeout: all lanes are given up. On the watch's thread, with no lock held.
  std::function<void(const Error&)> on_stuck{};
};

class Lanes {
 public:
  /// One lane a runner, at least one. Throws OUT_OF_MEMORY when the system has no thread to give.
  Lanes(LaneTerms terms, std::shared_ptr<Watch> watch, std::vector<std::shared_ptr<Runner>> runners);
  /// close(). May be called on a lane's own thread, which then ends by itself.
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  [[nodiscard]] std::size_t count() const noexcept { return ids_.size(); }

  /// Runs `action` on the thread of a lane, 0 to count() - 1, before any task that waits, and returns when it has
  /// ended; throws what it threw. Throws NOT_READY once the lanes are closed, FORKED in a child made by fork(). From
  /// any thread but that lane's.
  void call(std::size_t lane, const std::function<void()>& action);

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

  /// Refuses new work, lets what waits run, closes the runners and ends the threads; returns when that is done, or when
  /// the lanes are given up: then a thread is in foreign code, and closes its runner if it ever comes back. A second
  /// call waits for the first. Nothing happens in a child made by fork().
  void close();

 private:
  struct Shared;
  struct Seat;

  void end_started();

  const base::HomeProcess home_;
  std::shared_ptr<Shared> shared_;
  std::mutex joining_;
  std::vector<std::thread> threads_;
  std::vector<std::thread::id> ids_;  // of the threads, also once they are joined
};

}  // namespace mediscan::schedule
