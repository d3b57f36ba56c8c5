// Results on their way to Redis, and the one thread that takes them there: who stores a result never waits for a
// network. Bounded by count and bytes; beyond that a result is not taken.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "cache/memory_lru.hpp"

namespace mediscan::cache {

class WriteQueue {
 public:
  struct Write {
    std::string key;
    SharedResult result;
  };

  static constexpr std::size_t most_writes = 1024;
  static constexpr std::size_t most_bytes = 16U << 20U;  ///< as MemoryLru counts

  /// Starts the thread, which calls `prepare` before the first wait and each write, and `write` for what was pushed.
  /// Neither may throw. Throws INTERNAL when the system gives no thread.
  WriteQueue(std::function<void()> prepare, std::function<void(const Write&)> write);

  /// Ends the thread after the write it is at; what waits is given up.
  ~WriteQueue();
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;

  /// False when it is full. Never waits.
  bool push(Write write);

  /// Waits until everything pushed so far is done, at most so long; false when it is not.
  bool flush(std::chrono::milliseconds timeout);

 private:
  void work();

  std::function<void()> prepare_;
  std::function<void(const Write&)> write_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<Write> waiting_;
  std::size_t bytes_ = 0;
  bool busy_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mediscan::cache
