// The bound on what was accepted and is not finished: so many jobs, so many bytes. Beyond it the answer is no, at once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

namespace mediscan::schedule {

class Admission {
 public:
  /// One job's share; given back when it is destroyed. The admission must outlive it.
  class Permit {
   public:
    Permit() = default;
    Permit(Permit&& other) noexcept
        : from_(std::exchange(other.from_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Permit& operator=(Permit&& other) noexcept {
      std::swap(from_, other.from_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;
    ~Permit() {
      if (from_ != nullptr) from_->give_back(bytes_);
    }

   private:
    friend class Admission;
    Permit(Admission* from, std::uint64_t bytes) : from_(from), bytes_(bytes) {}
    Admission* from_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  struct Level {
    std::uint64_t jobs = 0;    ///< that hold a permit
    std::uint64_t untold = 0;  ///< whose end has not been told: a permit is given back before that
    std::uint64_t bytes = 0;
    bool closed = false;
  };

  Admission(std::uint64_t max_jobs, std::uint64_t max_bytes) : max_jobs_(max_jobs), max_bytes_(max_bytes) {}

  /// Throws OVERLOADED, which names the bound and says to try again after `retry_after`; SHUT_DOWN after close().
  Permit admit(std::uint64_t bytes, std::chrono::milliseconds retry_after);

  /// From now on admit() throws SHUT_DOWN.
  void close() noexcept;

  /// A job that was admitted will tell its end, and has told it.
  void expect_end() noexcept;
  void end_told() noexcept;

  /// True when every permit has been given back and every end told within this time.
  [[nodiscard]] bool wait_for_none(std::chrono::nanoseconds timeout);

  [[nodiscard]] Level level() const noexcept;
  [[nodiscard]] std::uint64_t max_jobs() const noexcept { return max_jobs_; }
  [[nodiscard]] std::uint64_t max_bytes() const noexcept { return max_bytes_; }

 private:
  void give_back(std::uint64_t bytes) noexcept;

  const std::uint64_t max_jobs_;
  const std::uint64_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable none_;
  Level level_;
};

}  // namespace mediscan::schedule
