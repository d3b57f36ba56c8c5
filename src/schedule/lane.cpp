#include "schedule/lane.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <mediscan/error.hpp>
#include <utility>

namespace mediscan::schedule {

Lane::Lane(std::string name)
    : name_(std::move(name)),
      shared_(std::make_unique<Shared>()),
      thread_([shared = shared_.get()] { serve(*shared); }) {
  ::pthread_setname_np(thread_.native_handle(),
                       name_.substr(0, 15).c_str());  // 16 bytes with the terminator is the kernel's limit
}

Lane::~Lane() {
  if (home_.is_here()) {
    close();
  } else {
    // The thread is in another process, and so is who would wake a condition variable that thinks it has a waiter:
    // destroying it would wait for ever. The child lets go of both.
    thread_.detach();
    static_cast<void>(shared_.release());  // NOLINT(bugprone-unused-return-value): leaked on purpose
  }
}

void Lane::run(const std::function<void()>& task) {
  home_.require(Stage::schedule, name_);
  Job job{task, nullptr, false, {}};
  std::unique_lock lock(shared_->mutex);
  if (shared_->closed) {
    throw Error(ErrorCode::not_ready, Stage::schedule, fmt::format("{} takes no more work: it was unloaded", name_),
                "load the model again");
  }
  shared_->waiting.push_back(&job);
  shared_->wake.notify_one();
  job.finished.wait(lock, [&] { return job.done; });
  if (job.error) std::rethrow_exception(std::exchange(job.error, nullptr));
}

void Lane::close(std::function<void()> last) {
  if (!home_.is_here()) return;
  {
    const std::scoped_lock lock(shared_->mutex);
    if (!shared_->closed) {
      shared_->closed = true;
      shared_->last = std::move(last);
      shared_->wake.notify_one();
    }
  }
  std::call_once(joined_, [this] { thread_.join(); });
}

void Lane::serve(Shared& shared) {
  std::unique_lock lock(shared.mutex);
  for (;;) {
    shared.wake.wait(lock, [&] { return shared.closed || !shared.waiting.empty(); });
    if (shared.waiting.empty()) break;
    Job& job = *shared.waiting.front();
    shared.waiting.pop_front();
    lock.unlock();
    std::exception_ptr error;
    try {
      job.task();
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    job.error = std::move(error);
    job.done = true;
    job.finished.notify_one();  // with the lock held: the job lives on the stack of the one who waits
  }
  const auto last = std::exchange(shared.last, {});
  lock.unlock();
  if (last) last();
}

}  // namespace mediscan::schedule
