#include "schedule/pool.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace mediscan::schedule {

struct Pool::Shared {
  mutable std::mutex mutex;
  std::condition_variable wake;
  std::map<Rank, std::function<void()>> work;
  std::vector<std::thread> threads;
  int idle = 0;
  bool closed = false;
};

Pool::Pool(std::string name, int threads)
    : name_(std::move(name)), threads_(threads), shared_(std::make_shared<Shared>()) {}

Pool::~Pool() {
  if (!home_.is_here()) {
    for (std::thread& thread : shared_->threads) thread.detach();
    base::leave_behind(shared_);
    return;
  }
  std::vector<std::thread> threads;
  {
    const std::scoped_lock lock(shared_->mutex);
    shared_->closed = true;
    threads.swap(shared_->threads);
  }
  shared_->wake.notify_all();
  for (std::thread& thread : threads) {
    if (thread.get_id() == std::this_thread::get_id()) {
      thread.detach();
    } else {
      thread.join();
    }
  }
}

void Pool::post(const Rank& rank, std::function<void()> work) {
  home_.require(Stage::schedule, name_);
  const std::scoped_lock lock(shared_->mutex);
  if (shared_->idle <= static_cast<int>(shared_->work.size()) && static_cast<int>(shared_->threads.size()) < threads_) {
    try {
      shared_->threads.emplace_back([shared = shared_] { serve(shared); });
      ::pthread_setname_np(shared_->threads.back().native_handle(), name_.substr(0, 15).c_str());
    } catch (const std::system_error& error) {
      if (shared_->threads.empty()) {
        throw Error(ErrorCode::out_of_memory, Stage::schedule,
                    fmt::format("{}: the system starts no thread: {}", name_, error.what()),
                    "raise the limit on threads of this process (ulimit -u, the cgroup's pids.max)");
      }
    }
  }
  shared_->work.emplace(rank, std::move(work));
  if (shared_->idle > 0) shared_->wake.notify_one();
}

bool Pool::withdraw(const Rank& rank) noexcept {
  decltype(shared_->work)::node_type out;  // what the work holds is let go without the lock
  const std::scoped_lock lock(shared_->mutex);
  out = shared_->work.extract(rank);
  return !out.empty();
}

std::size_t Pool::waiting() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->work.size();
}

void Pool::serve(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    if (shared->work.empty()) {
      if (shared->closed) return;
      ++shared->idle;
      shared->wake.wait(lock, [&] { return shared->closed || !shared->work.empty(); });
      --shared->idle;
      continue;
    }
    auto next = shared->work.extract(shared->work.begin());
    lock.unlock();
    next.mapped()();
    next = {};  // what the work held is let go before the lock is taken
    lock.lock();
  }
}

}  // namespace mediscan::schedule
