#include "schedule/lane.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <mediscan/error.hpp>
#include <utility>

namespace mediscan::schedule {

Lane::Lane(std::string name) : name_(std::move(name)), thread_([this] { serve(); }) {
  ::pthread_setname_np(thread_.native_handle(),
                       name_.substr(0, 15).c_str());  // 16 bytes with the terminator is the kernel's limit
}

Lane::~Lane() { close(); }

void Lane::run(const std::function<void()>& task) {
  Job job{task, nullptr, false, {}};
  std::unique_lock lock(mutex_);
  if (closed_) {
    throw Error(ErrorCode::not_ready, Stage::schedule, fmt::format("{} takes no more work: it was unloaded", name_),
                "load the model again");
  }
  waiting_.push_back(&job);
  wake_.notify_one();
  job.finished.wait(lock, [&] { return job.done; });
  if (job.error) std::rethrow_exception(std::exchange(job.error, nullptr));
}

void Lane::close(std::function<void()> last) {
  {
    const std::scoped_lock lock(mutex_);
    if (!closed_) {
      closed_ = true;
      last_ = std::move(last);
      wake_.notify_one();
    }
  }
  std::call_once(joined_, [this] { thread_.join(); });
}

void Lane::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) break;
    Job& job = *waiting_.front();
    waiting_.pop_front();
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
  const auto last = std::exchange(last_, {});
  lock.unlock();
  if (last) last();
}

}  // namespace mediscan::schedule
