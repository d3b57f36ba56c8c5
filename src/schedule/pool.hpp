// A few threads for work that waits in order of rank: decoding and preprocessing, and callbacks. Threads start with the
// work and stay.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/home_process.hpp"
#include "schedule/task.hpp"

namespace mediscan::schedule {

class Pool {
 public:
  /// `name` is that of its threads (first 15 bytes).
  Pool(std::string name, int threads);
  /// Does what was posted, then ends the threads. May be called on one of them: that one ends when its work does.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Work must not throw. Throws FORKED in a child made by fork(), OUT_OF_MEMORY when the system has no thread to give.
  void post(const Rank& rank, std::function<void()> work);

  /// True when the work of this rank had not begun: it never will.
  bool withdraw(const Rank& rank) noexcept;

  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Shared;
  static void serve(const std::shared_ptr<Shared>& shared);

  const std::string name_;
  const int threads_;
  const base::HomeProcess home_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace mediscan::schedule
