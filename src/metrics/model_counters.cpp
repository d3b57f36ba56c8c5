// Counting for one model. No call throws: what the system's mutex could throw (it does not in practice) is swallowed,
// since a job must not fail because it could not be counted.
#include <cmath>

#include "metrics/series.hpp"

namespace mediscan::metrics {
namespace {

template <class Count>
void quietly(const Count& count) noexcept {
  try {
    count();
  } catch (...) {  // NOLINT(bugprone-empty-catch): see the top of the file
  }
}

/// One NaN would make the sum NaN for ever, and a negative time would turn it back.
bool is_a_time(double milliseconds) noexcept { return std::isfinite(milliseconds) && milliseconds >= 0; }

}  // namespace

ModelCounters::ModelCounters(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ModelCounters::~ModelCounters() = default;

void ModelCounters::job_submitted() noexcept {
  quietly([&] {
    impl_->in_flight.Increment();
    impl_->submitted.Increment();
  });
}

void ModelCounters::job_finished(std::optional<ErrorCode> failure, const Timing& timing) noexcept {
  quietly([&] {
    impl_->in_flight.Decrement();
    (failure ? impl_->failed(*failure) : impl_->succeeded).Increment();
    for (std::size_t i = 0; i < stage_count; ++i) {
      const bool total = i + 1 == stage_count;
      const double milliseconds = timing.*stages[i].milliseconds;
      const bool happened = total || (!failure && milliseconds != 0);
      if (happened && is_a_time(milliseconds)) impl_->stage_seconds[i]->Observe(milliseconds / 1000);
    }
  });
}

void ModelCounters::job_refused(ErrorCode why) noexcept {
  quietly([&] { impl_->failed(why).Increment(); });
}

void ModelCounters::batch_ran(std::uint32_t size) noexcept {
  quietly([&] { impl_->batch_size.Observe(size); });
}

void ModelCounters::loaded() noexcept {
  quietly([&] { impl_->loaded.Increment(); });
}

void ModelCounters::load_failed() noexcept {
  quietly([&] { impl_->load_failed.Increment(); });
}

void ModelCounters::swapped() noexcept {
  quietly([&] { impl_->switched.Increment(); });
}

void ModelCounters::rolled_back() noexcept {
  quietly([&] { impl_->rolled_back.Increment(); });
}

void ModelCounters::evicted() noexcept {
  quietly([&] { impl_->evicted.Increment(); });
}

}  // namespace mediscan::metrics
