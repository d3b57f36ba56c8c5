// A lane: the long-lived thread that owns a backend session. Runtimes keep caches per thread (oneDNN's primitives), so
// a model's work always runs on the same one.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace mediscan::schedule {

class Lane {
 public:
  /// `name` begins the error messages of a closed lane and names the thread (first 15 bytes).
  explicit Lane(std::string name);
  /// close() with nothing to do last.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Runs `task` on the lane's thread after what came before it, and returns when it has ended; throws what it threw.
  /// Throws NOT_READY once the lane is closed. From any thread but the lane's own.
  void run(const std::function<void()>& task);

  /// Refuses new tasks, lets those that wait run, then runs `last` on the lane's thread and ends the thread. A second
  /// call waits for the first. `last` must not throw.
  void close(std::function<void()> last = {});

 private:
  struct Job {
    const std::function<void()>& task;
    std::exception_ptr error;
    bool done = false;
    std::condition_variable finished;
  };

  void serve();

  const std::string name_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job*> waiting_;
  bool closed_ = false;
  std::function<void()> last_;
  std::once_flag joined_;
  std::thread thread_;
};

}  // namespace mediscan::schedule
