// The bound on the memory of loaded models. When a model does not fit, those that were idle longest give theirs back;
// they come back when they are used.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace mediscan::model {

/// Something loaded that can leave and come back.
class Evictable {
 public:
  virtual ~Evictable() = default;
  Evictable() = default;
  Evictable(const Evictable&) = delete;
  Evictable& operator=(const Evictable&) = delete;
  [[nodiscard]] virtual std::chrono::steady_clock::time_point last_used() const noexcept = 0;
  /// Gives its memory back if no one uses it now. False when someone does, or when it holds none.
  virtual bool try_evict() = 0;
};

class ModelMemory {
 public:
  /// `max_bytes` 0: no bound.
  explicit ModelMemory(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  /// A model's share, given back when destroyed. The memory must outlive it.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept
        : from_(std::exchange(other.from_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Share& operator=(Share&& other) noexcept {
      std::swap(from_, other.from_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { resize(0); }

    void resize(std::uint64_t bytes) noexcept;
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

   private:
    friend class ModelMemory;
    Share(ModelMemory* from, std::uint64_t bytes) : from_(from), bytes_(bytes) {}
    ModelMemory* from_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  /// Takes `bytes` for the model that `what` names, evicting others if need be. Throws LIMIT_EXCEEDED when it could
  /// never fit, OVERLOADED when models in use leave too little.
  Share take(std::uint64_t bytes, const std::string& what);
  /// The share becomes what the model really holds, once that is known. Throws as take(); the share stays as it was
  /// then.
  void settle(Share& share, std::uint64_t bytes, const std::string& what);

  void enroll(std::weak_ptr<Evictable> candidate);

  [[nodiscard]] std::uint64_t used() const noexcept;
  [[nodiscard]] std::uint64_t max_bytes() const noexcept { return max_bytes_; }

 private:
  void make_room(std::uint64_t more, std::uint64_t bytes, const std::string& what);
  std::vector<std::shared_ptr<Evictable>> longest_idle_first();

  const std::uint64_t max_bytes_;
  mutable std::mutex mutex_;
  std::uint64_t used_ = 0;
  std::vector<std::weak_ptr<Evictable>> candidates_;
};

}  // namespace mediscan::model
