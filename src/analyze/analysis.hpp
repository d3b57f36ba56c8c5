// One picture's way through the line, and its one end. Its carrier (the caller's thread, then a thread of the pool,
// then the lane) takes it from step to step and alone touches the picture; anyone may end it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mediscan/job.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/home_process.hpp"
#include "base/large_memory.hpp"
#include "image/excerpt.hpp"
#include "model/slot.hpp"
#include "schedule/admission.hpp"
#include "schedule/task.hpp"

namespace mediscan::analyze {

using schedule::Clock;

/// A copy of a caller's bytes.
struct CopiedBytes {
  base::LargeMemory memory;
  std::size_t size = 0;

  explicit CopiedBytes(std::span<const std::byte> bytes);
};

/// What is to be analysed: bytes of one's own, bytes of a caller who waits, or a decoded picture.
using Input = std::variant<std::vector<std::byte>, CopiedBytes, std::span<const std::byte>, Image>;

/// Memory for the tensors of pictures that will run together.
struct TensorRow {
  std::shared_ptr<float[]> memory;
  std::span<float> row;
};

class Analysis final : public schedule::Task, public std::enable_shared_from_this<Analysis> {
 public:
  Analysis(std::shared_ptr<model::Slot> slot, Input input, const JobOptions& options);

  // ---- The way of a caller who waits. Each step throws only what accept() says; other failures are the job's.

  /// Takes its share of the manager's bounds. Throws OVERLOADED, SHUT_DOWN, LIMIT_EXCEEDED, and DEADLINE_EXCEEDED for a
  /// deadline that cannot be met.
  void accept(model::Lease lease);
  /// Looks in the cache, decodes, preprocesses. False when it has ended with that.
  bool prepare(TensorRow row = {}) noexcept;
  /// Joins the queue of the lane, beside others of the same lease.
  static void enqueue(std::span<const std::shared_ptr<Analysis>> prepared) noexcept;

  // ---- The way of a caller who does not wait.

  /// accept(), then prepare() and enqueue() on the pool, once a model is there. Throws as accept(), and NOT_READY.
  void submit();

  // ---- The end.

  [[nodiscard]] JobState state() const noexcept { return state_.load(std::memory_order_acquire); }
  bool cancel();
  void wait() const;
  [[nodiscard]] bool wait_for(std::chrono::nanoseconds timeout) const;
  /// Only once it is done.
  [[nodiscard]] const Outcome<Result>& outcome() const noexcept { return *outcome_; }
  /// The same for the only one who will ask.
  [[nodiscard]] Outcome<Result> take_outcome() { return std::move(*outcome_); }

  // ---- schedule::Task: what the lane and the watch call.

  [[nodiscard]] std::span<const float> tensor() const noexcept override { return tensor_; }
  [[nodiscard]] std::span<const std::uint8_t> samples() const noexcept override { return samples_; }
  void running() noexcept override { advance(JobState::running); }
  bool take(std::span<const float> logits, const schedule::BatchFacts& batch) noexcept override;
  void release() noexcept override { let_go(); }
  void ring() noexcept override;

 private:
  enum class Place { none, pool, lane };

  void wait_for_load() noexcept;
  void load_ended(const std::optional<Error>& error) noexcept;
  void post_to_pool() noexcept;
  static void prepare_and_enqueue(const std::shared_ptr<Analysis>& one) noexcept;
  void give_up(const Error& error) noexcept;
  [[nodiscard]] std::uint64_t bytes_held(const model::LoadedModel* model) const;
  void require_in_time() const;
  [[nodiscard]] std::span<const std::byte> encoded() const;
  [[nodiscard]] std::string cache_key() const;
  [[nodiscard]] std::optional<Result> look_in_cache();
  void decode();
  void preprocess(TensorRow row);
  [[nodiscard]] Result record(std::span<const float> logits, const schedule::BatchFacts& batch) const;
  void advance(JobState to) noexcept;
  void move_to(Place place);
  void stop_counting_as_preparing() noexcept;
  void let_go() noexcept;
  void let_go_of_bounds() noexcept;
  void failed(const Error& error) noexcept override;
  void count_end(const Outcome<Result>& outcome) noexcept;
  void end_with(Outcome<Result> outcome) noexcept;
  void tell() noexcept;
  void call_back() noexcept;

  const base::HomeProcess home_;
  const std::shared_ptr<model::Slot> slot_;
  metrics::ModelCounters& counters_;
  JobOptions options_;  // but for on_done, constant
  const Clock::time_point begun_ = Clock::now();
  const std::string name_;
  bool waited_for_ = true;

  // The carrier's.
  std::optional<Input> input_;  // until it lets go
  schedule::Admission::Permit permit_;
  model::Lease lease_;
  bool counted_as_preparing_ = false;
  std::optional<image::Excerpt> picture_;
  std::string key_;  // in the cache; empty when there is none to ask
  TensorRow memory_;
  std::span<const float> tensor_;          // in memory_, or else
  std::span<const std::uint8_t> samples_;  // in the first quarter of it
  Clock::time_point prepare_began_;
  Clock::time_point prepared_at_;
  double preprocess_ms_ = 0;

  std::atomic<JobState> state_{JobState::received};
  mutable std::mutex mutex_;  // guards all below
  mutable std::condition_variable done_;
  std::optional<Outcome<Result>> outcome_;  // once set, constant
  Place place_ = Place::none;
  std::shared_ptr<model::LoadedModel> lane_of_;  // while place_ is lane
  std::optional<schedule::Watch::Entry> alarm_;
};

}  // namespace mediscan::analyze
