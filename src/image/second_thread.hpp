// A second thread for one picture's work. For pictures so large that halving their latency is worth a thread's start;
// not a pool, and not for work of different pictures.
#pragma once

#include <functional>

namespace mediscan::image {

/// While it lives its owner counts as a thread at work, and as two when a second one was granted: so that callers at
/// once, each with helpers, do not exceed the budget of the process.
class SecondThread {
 public:
  /// `budget`: threads of the process (base/threads.hpp).
  explicit SecondThread(int budget) noexcept;
  ~SecondThread();
  SecondThread(const SecondThread&) = delete;
  SecondThread& operator=(const SecondThread&) = delete;

  [[nodiscard]] bool granted() const noexcept { return claimed_ == 2; }

  /// Runs both and returns when both are done: at the same time when a thread was granted and the system starts one,
  /// else one after the other. What `here` throws comes first, then what `there` throws.
  void run_both(const std::function<void()>& here, const std::function<void()>& there) const;

 private:
  int claimed_ = 1;
};

}  // namespace mediscan::image
