#include "cache/circuit_breaker.hpp"

#include <algorithm>

namespace mediscan::cache {

std::optional<CircuitBreaker::Permit> CircuitBreaker::permit(Clock::time_point now) noexcept {
  const std::scoped_lock lock(mutex_);
  if (open_) {
    if (trying_ || now < until_) return std::nullopt;
    trying_ = true;
    ++period_;
  }
  return Permit{period_};
}

CircuitBreaker::Change CircuitBreaker::succeeded(Permit permit) noexcept {
  const std::scoped_lock lock(mutex_);
  if (permit.period != period_) return Change::none;
  failures_ = 0;
  if (!open_) return Change::none;
  open_ = trying_ = false;
  pause_ = first_pause;
  ++period_;
  return Change::closed;
}

CircuitBreaker::Change CircuitBreaker::failed(Permit permit, Clock::time_point now) noexcept {
  const std::scoped_lock lock(mutex_);
  if (permit.period != period_) return Change::none;
  if (!open_ && ++failures_ < failures_to_open) return Change::none;
  const bool first = !open_;
  pause_ = first ? first_pause : std::min(2 * pause_, longest_pause);
  until_ = now + pause_;
  open_ = true;
  trying_ = false;
  failures_ = 0;
  ++period_;
  return first ? Change::opened : Change::none;
}

void CircuitBreaker::withdrawn(Permit permit) noexcept {
  const std::scoped_lock lock(mutex_);
  if (permit.period == period_) trying_ = false;
}

bool CircuitBreaker::waiting(Clock::time_point now) const noexcept {
  const std::scoped_lock lock(mutex_);
  return open_ && (trying_ || now < until_);
}

bool CircuitBreaker::open() const noexcept {
  const std::scoped_lock lock(mutex_);
  return open_;
}

}  // namespace mediscan::cache
