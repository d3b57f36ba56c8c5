// Results in this process, bounded in bytes: what was used least recently leaves first. Thread-safe; a result is shared
// and never changed, so that looking one up moves a pointer.
#pragma once

#include <cstddef>
#include <list>
#include <mediscan/result.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace mediscan::cache {

using SharedResult = std::shared_ptr<const Result>;

class MemoryLru {
 public:
  explicit MemoryLru(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// Null when there is none.
  [[nodiscard]] SharedResult find(std::string_view key);

  /// Keeps the result under the key, in place of the one there. Returns how many others left for it. A result larger
  /// than the whole bound is not kept, and nothing leaves for it.
  std::size_t store(std::string_view key, SharedResult result);

  [[nodiscard]] std::size_t bytes() const noexcept;
  [[nodiscard]] std::size_t entries() const noexcept;

  /// What one entry counts for.
  static std::size_t entry_bytes(std::string_view key, const Result& result) noexcept;

 private:
  struct Entry {
    std::string key;
    SharedResult result;
    std::size_t bytes;
  };
  using Order = std::list<Entry>;

  /// Moves an entry from the order into `left`, so that it is destroyed outside the lock.
  void remove(Order::iterator entry, Order& left);

  const std::size_t most_bytes_;
  mutable std::mutex mutex_;
  Order order_;                                                   ///< most recently used first
  std::unordered_map<std::string_view, Order::iterator> by_key_;  ///< views of the entries' own keys
  std::size_t bytes_ = 0;
};

}  // namespace mediscan::cache
