// Work handed in now and finished later: a job, how it is asked for, and how a program without threads to spare hears
// of its end.
#pragma once

#include <mediscan/error.hpp>
#include <mediscan/export.hpp>
#include <mediscan/options.hpp>
#include <mediscan/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace mediscan {

/// How far a job has come. It only moves forward; `done` holds for results, errors and cancelled jobs alike.
enum class JobState : std::int32_t {
  received,  ///< accepted, waiting for a thread of the pool, or for its model to load
  decoding,  ///< decoded and preprocessed on the pool
  queued,    ///< its tensor waits for the model's lane
  running,   ///< in a batch
  done,
};
MEDISCAN_API std::string_view name_of(JobState state) noexcept;  ///< "received", "decoding", ...

enum class Priority : std::int32_t { low = -1, normal = 0, high = 1 };

class Job;

/// Collects the tags of finished jobs for a program with an event loop: one file descriptor for any number of jobs.
/// Thread-safe.
class MEDISCAN_API CompletionQueue {
 public:
  CompletionQueue();  ///< IO_ERROR when the system has no descriptor to give
  ~CompletionQueue();
  CompletionQueue(const CompletionQueue&) = delete;
  CompletionQueue& operator=(const CompletionQueue&) = delete;

  /// An eventfd, readable while tags wait. Poll it; never read, write or close it.
  [[nodiscard]] int fd() const noexcept;

  /// Moves up to tags.size() waiting tags there, oldest first, and returns how many. Never blocks. FORKED in a child
  /// made by fork(), which shares the descriptor.
  std::size_t take(std::span<std::uint64_t> tags);

  struct Impl;                                                                        ///< internal
  [[nodiscard]] const std::shared_ptr<Impl>& impl() const noexcept { return impl_; }  ///< internal

 private:
  std::shared_ptr<Impl> impl_;
};

/// How one picture is to be analysed.
struct JobOptions {
  std::string name{};      ///< stands in the record and begins error messages; an Image's own name when empty
  DecodeOptions decode{};  ///< of encoded bytes
  /// From the call on; 0: none. A job that cannot be done by then is DEADLINE_EXCEEDED: refused at once where that can
  /// be foreseen, else when its time is up.
  std::chrono::nanoseconds timeout{0};
  Priority priority = Priority::normal;  ///< higher ones first; within one, the earliest deadline first
  bool cache = true;                     ///< may come from and go to the manager's cache, where there is one
  /// Called once, when the job is done however it ends, from a thread of the library that holds no lock; callbacks run
  /// one after the other, so a slow one delays others' callbacks and nothing else. What it throws is dropped. It may
  /// come after wait() and ModelManager::drain have returned and after the manager is gone: what it uses must live
  /// until it was called.
  std::function<void(const Job&)> on_done{};
  std::shared_ptr<CompletionQueue> completions{};  ///< where `tag` goes when the job is done
  std::uint64_t tag = 0;
};

namespace analyze {
class Analysis;  // internal
}

/// A counted reference to work in flight, the future of its result. Copies refer to the same job; dropping all of them
/// does not cancel it. Thread-safe. In a child made by fork() waiting for an unfinished job throws FORKED.
class MEDISCAN_API Job {
 public:
  [[nodiscard]] JobState state() const noexcept;
  [[nodiscard]] bool done() const noexcept { return state() == JobState::done; }

  void wait() const;
  /// True when it is done within this time. A time-out leaves the job alone.
  [[nodiscard]] bool wait_for(std::chrono::nanoseconds timeout) const;

  /// Waits; the result, or throws the job's Error (CANCELLED and DEADLINE_EXCEEDED among them).
  [[nodiscard]] Result get() const;
  /// Waits; lives as long as a copy of this job.
  [[nodiscard]] const Outcome<Result>& outcome() const;

  /// Ends the job as CANCELLED at once, wherever it is: its place in a queue is free, and a batch of which every job
  /// was given up is told to stop. False when it was done already.
  bool cancel() const;

  explicit Job(std::shared_ptr<analyze::Analysis> analysis) noexcept : analysis_(std::move(analysis)) {}  ///< internal

 private:
  std::shared_ptr<analyze::Analysis> analysis_;
};

}  // namespace mediscan
