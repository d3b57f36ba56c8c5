// The public Job: a handle on an Analysis.
#include <mediscan/job.hpp>

#include "analyze/analysis.hpp"

namespace mediscan {

std::string_view name_of(JobState state) noexcept {
  switch (state) {
    case JobState::received:
      return "received";
    case JobState::decoding:
      return "decoding";
    case JobState::queued:
      return "queued";
    case JobState::running:
      return "running";
    case JobState::done:
      return "done";
  }
  return "unknown";
}

JobState Job::state() const noexcept { return analysis_->state(); }

void Job::wait() const { analysis_->wait(); }

bool Job::wait_for(std::chrono::nanoseconds timeout) const { return analysis_->wait_for(timeout); }

const Outcome<Result>& Job::outcome() const {
  wait();
  return analysis_->outcome();
}

Result Job::get() const { return outcome().value(); }

bool Job::cancel() const { return analysis_->cancel(); }

}  // namespace mediscan
