// A small least-recently-used cache of weight tables. Bounded in tables and bytes, so that varied picture sizes cannot
// make it grow.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

#include "preprocess/coefficients.hpp"

namespace mediscan::recipe {

template <class Table>
class TapCache {
 public:
  TapCache(std::size_t max_tables, std::size_t max_bytes) : max_tables_(max_tables), max_bytes_(max_bytes) {}

  /// The table of `axis`; made by `make` (outside the lock, so two threads may make the same one) when it is not there.
  template <class Make>
  std::shared_ptr<const Table> get(const AxisResize& axis, Make make) {
    if (auto found = find(axis)) return found;
    auto made = std::make_shared<const Table>(make(axis));
    keep(axis, made);
    return made;
  }

  [[nodiscard]] CacheUse use() const {
    const std::lock_guard lock(mutex_);
    return {entries_.size(), bytes_};
  }

 private:
  using Entry = std::pair<AxisResize, std::shared_ptr<const Table>>;

  std::shared_ptr<const Table> find(const AxisResize& axis) {
    const std::lock_guard lock(mutex_);
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->first != axis) continue;
      entries_.splice(entries_.begin(), entries_, entry);
      return entry->second;
    }
    return nullptr;
  }

  void keep(const AxisResize& axis, std::shared_ptr<const Table> table) {
    if (table->bytes() > max_bytes_) return;
    std::list<Entry> dropped;  // freed after the lock
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_) {
      if (entry.first == axis) return;
    }
    bytes_ += table->bytes();
    entries_.emplace_front(axis, std::move(table));
    while (entries_.size() > max_tables_ || bytes_ > max_bytes_) {
      bytes_ -= entries_.back().second->bytes();
      dropped.splice(dropped.begin(), entries_, std::prev(entries_.end()));
    }
  }

  const std::size_t max_tables_;
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::size_t bytes_ = 0;
};

}  // namespace mediscan::recipe
