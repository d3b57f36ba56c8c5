#include "cache/write_queue.hpp"

#include <pthread.h>

#include <csignal>
#include <mediscan/error.hpp>
#include <system_error>
#include <utility>

namespace mediscan::cache {
namespace {

/// While it lives, threads are started with every signal blocked: the host's handlers run on the host's threads.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

std::size_t bytes_of(const WriteQueue::Write& write) { return MemoryLru::entry_bytes(write.key, *write.result); }

}  // namespace

WriteQueue::WriteQueue(std::function<void()> prepare, std::function<void(const Write&)> write)
    : prepare_(std::move(prepare)), write_(std::move(write)) {
  const SignalsBlocked blocked;
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error&) {
    throw Error(ErrorCode::internal, Stage::model, "the system gives no thread for the cache's writes",
                "look at the limits on threads (ulimit -u, pids.max)");
  }
  ::pthread_setname_np(thread_.native_handle(), "mediscan-cache");
}

WriteQueue::~WriteQueue() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool WriteQueue::push(Write write) {
  const std::size_t bytes = bytes_of(write);
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() >= most_writes || bytes_ + bytes > most_bytes) return false;
    waiting_.push_back(std::move(write));
    bytes_ += bytes;
  }
  wake_.notify_one();
  return true;
}

bool WriteQueue::flush(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, timeout, [this] { return waiting_.empty() && !busy_; });
}

void WriteQueue::work() {
  prepare_();
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (stop_) return;
    busy_ = true;
    {
      const Write write = std::move(waiting_.front());
      waiting_.pop_front();
      bytes_ -= bytes_of(write);
      lock.unlock();
      prepare_();
      write_(write);
    }
    lock.lock();
    busy_ = false;
    if (waiting_.empty()) idle_.notify_all();
  }
}

}  // namespace mediscan::cache
