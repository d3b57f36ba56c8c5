#include "cache/memory_lru.hpp"

#include "cache/result_size.hpp"

namespace mediscan::cache {

std::size_t MemoryLru::entry_bytes(std::string_view key, const Result& result) noexcept {
  constexpr std::size_t links = 2 * sizeof(void*);       // of a list's node
  constexpr std::size_t control = 2 * sizeof(void*);     // counts beside a shared result
  constexpr std::size_t index = 4 * sizeof(void*) + 16;  // a map's node (hash, next, view, iterator) and its bucket
  return heap_block(links + sizeof(Entry)) + heap_block(key.size() + 1) + heap_block(control + sizeof(Result)) +
         heap_block(index) + heap_bytes(result);
}

SharedResult MemoryLru::find(std::string_view key) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return found->second->result;
}

std::size_t MemoryLru::store(std::string_view key, SharedResult result) {
  const std::size_t bytes = entry_bytes(key, *result);
  if (bytes > most_bytes_) return 0;
  Order fresh;  // made, like what leaves is destroyed, outside the lock
  fresh.push_back({std::string(key), std::move(result), bytes});
  Order left;
  const std::scoped_lock lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) remove(found->second, left);
  const std::size_t replaced = left.size();
  while (bytes_ + bytes > most_bytes_) remove(std::prev(order_.end()), left);
  by_key_.emplace(fresh.front().key, fresh.begin());  // the only step that may throw, before anything is changed by it
  order_.splice(order_.begin(), fresh);
  bytes_ += bytes;
  return left.size() - replaced;
}

void MemoryLru::remove(Order::iterator entry, Order& left) {
  by_key_.erase(entry->key);
  bytes_ -= entry->bytes;
  left.splice(left.end(), order_, entry);
}

std::size_t MemoryLru::bytes() const noexcept {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

std::size_t MemoryLru::entries() const noexcept {
  const std::scoped_lock lock(mutex_);
  return order_.size();
}

}  // namespace mediscan::cache
