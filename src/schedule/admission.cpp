#include "schedule/admission.hpp"

#include "schedule/watch.hpp"

#include <fmt/format.h>

#include <mediscan/error.hpp>

namespace mediscan::schedule {
namespace {

Error overloaded(const std::string& what, std::string_view option, std::chrono::milliseconds retry_after) {
  return {ErrorCode::overloaded, Stage::schedule, what,
          fmt::format("try again in about {} ms, or raise ManagerOptions::{}", retry_after.count(), option),
          retry_after};
}

}  // namespace

Admission::Permit Admission::admit(std::uint64_t bytes, std::chrono::milliseconds retry_after) {
  Level now;
  {
    const std::scoped_lock lock(mutex_);
    now = level_;
    if (!now.closed && now.jobs < max_jobs_ && bytes <= max_bytes_ - now.bytes) {
      ++level_.jobs;
      level_.bytes += bytes;
      return {this, bytes};
    }
  }
  if (now.closed) {
    throw Error(ErrorCode::shut_down, Stage::schedule, "the model manager is shutting down and takes no more work",
                "what it had accepted is finished; send new work elsewhere");
  }
  if (bytes > max_bytes_) {
    throw Error(
        ErrorCode::limit_exceeded, Stage::schedule,
        fmt::format("this job holds {} bytes, all jobs together may hold {} (max_job_bytes)", bytes, max_bytes_),
        "raise ManagerOptions::max_job_bytes, or send a smaller picture");
  }
  if (now.jobs >= max_jobs_) {
    throw overloaded(fmt::format("{} jobs are waiting or running, as many as max_jobs allows", now.jobs), "max_jobs",
                     retry_after);
  }
  throw overloaded(fmt::format("waiting and running jobs hold {} bytes, this one's {} would exceed max_job_bytes, {}",
                               now.bytes, bytes, max_bytes_),
                   "max_job_bytes", retry_after);
}

void Admission::expect_end() noexcept {
  const std::scoped_lock lock(mutex_);
  ++level_.untold;
}

void Admission::end_told() noexcept {
  const std::scoped_lock lock(mutex_);
  if (--level_.untold == 0 && level_.jobs == 0) none_.notify_all();
}

void Admission::close() noexcept {
  const std::scoped_lock lock(mutex_);
  level_.closed = true;
}

bool Admission::wait_for_none(std::chrono::nanoseconds timeout) {
  std::unique_lock lock(mutex_);
  return none_.wait_until(lock, after(timeout), [this] { return level_.jobs == 0 && level_.untold == 0; });
}

Admission::Level Admission::level() const noexcept {
  const std::scoped_lock lock(mutex_);
  return level_;
}

void Admission::give_back(std::uint64_t bytes) noexcept {
  const std::scoped_lock lock(mutex_);
  level_.bytes -= bytes;
  if (--level_.jobs == 0 && level_.untold == 0) none_.notify_all();
}

}  // namespace mediscan::schedule
