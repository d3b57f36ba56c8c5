// A lane: the long-lived thread that owns a backend session. Runtimes keep caches per thread (oneDNN's primitives), so
// a model's work always runs on the same one.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/home_process.hpp"

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
  /// Throws NOT_READY once the lane is closed, FORKED in a child made by fork(). From any thread but the lane's own.
  void run(const std::function<void()>& task);

  /// Refuses new tasks, lets those that wait run, then runs `last` on the lane's thread and ends the thread. A second
  /// call waits for the first. `last` must not throw. In a child made by fork() there is no thread to end: nothing
  /// happens.
  void close(std::function<void()> last = {});

 private:
  struct Job {
    const std::function<void()>& task;
    std::exception_ptr error;
    bool done = false;
    std::condition_variable finished;
  };

  /// What the lane's thread and its callers share.
  struct Shared {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Job*> waiting;
    bool closed = false;
    std::function<void()> last;
  };

  static void serve(Shared& shared);

  const std::string name_;
  const base::HomeProcess home_;
  std::unique_ptr<Shared> shared_;
  std::once_flag joined_;
  std::thread thread_;
};

}  // namespace mediscan::schedule
