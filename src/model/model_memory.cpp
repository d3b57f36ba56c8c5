#include "model/model_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mediscan/error.hpp>

namespace mediscan::model {

void ModelMemory::Share::resize(std::uint64_t bytes) noexcept {
  if (from_ == nullptr) return;
  const std::scoped_lock lock(from_->mutex_);
  from_->used_ += bytes - bytes_;  // modulo 2^64, as unsigned numbers are
  bytes_ = bytes;
}

ModelMemory::Share ModelMemory::take(std::uint64_t bytes, const std::string& what) {
  make_room(bytes, bytes, what);
  return {this, bytes};
}

void ModelMemory::settle(Share& share, std::uint64_t bytes, const std::string& what) {
  if (bytes > share.bytes_) {
    make_room(bytes - share.bytes_, bytes, what);
    share.bytes_ = bytes;
  } else {
    share.resize(bytes);
  }
}

/// Takes `more` for a model that then holds `bytes`.
void ModelMemory::make_room(std::uint64_t more, std::uint64_t bytes, const std::string& what) {
  const auto fits = [&] {
    const std::scoped_lock lock(mutex_);
    if (max_bytes_ != 0 && used_ + more > max_bytes_) return false;
    used_ += more;
    return true;
  };
  if (max_bytes_ != 0 && bytes > max_bytes_) {
    throw Error(
        ErrorCode::limit_exceeded, Stage::model,
        fmt::format("{} holds {} bytes, all models together may hold {} (max_model_bytes)", what, bytes, max_bytes_),
        "raise ManagerOptions::max_model_bytes");
  }
  if (fits()) return;
  for (const auto& candidate : longest_idle_first()) {
    if (candidate->try_evict() && fits()) return;
  }
  if (fits()) return;
  constexpr std::chrono::milliseconds a_while{1000};
  throw Error(ErrorCode::overloaded, Stage::model,
              fmt::format("{} needs {} bytes, models in use hold {} of {} (max_model_bytes)", what, bytes,
                          used() - (bytes - more), max_bytes_),
              "try again when one of them is idle, or raise ManagerOptions::max_model_bytes", a_while);
}

void ModelMemory::enroll(std::weak_ptr<Evictable> candidate) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(candidates_, [](const auto& other) { return other.expired(); });
  candidates_.push_back(std::move(candidate));
}

std::vector<std::shared_ptr<Evictable>> ModelMemory::longest_idle_first() {
  std::vector<std::shared_ptr<Evictable>> alive;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& candidate : candidates_) {
      if (auto one = candidate.lock()) alive.push_back(std::move(one));
    }
  }
  std::vector<std::pair<std::chrono::steady_clock::time_point, std::shared_ptr<Evictable>>> order;
  order.reserve(alive.size());
  for (auto& one : alive) order.emplace_back(one->last_used(), std::move(one));
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  alive.clear();
  for (auto& [time, one] : order) alive.push_back(std::move(one));
  return alive;
}

std::uint64_t ModelMemory::used() const noexcept {
  const std::scoped_lock lock(mutex_);
  return used_;
}

}  // namespace mediscan::model
