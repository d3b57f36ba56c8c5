#include "schedule/watch.hpp"

#include <pthread.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace mediscan::schedule {

struct Watch::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<Entry, std::weak_ptr<Alarm>> alarms;
  std::uint64_t next = 0;
  bool closed = false;
  std::thread thread;
};

Watch::Watch() : shared_(std::make_shared<Shared>()) {}

Watch::~Watch() {
  if (!home_.is_here()) {  // the thread is in another process
    shared_->thread.detach();
    base::leave_behind(shared_);
    return;
  }
  std::thread thread;
  {
    const std::scoped_lock lock(shared_->mutex);
    shared_->closed = true;
    thread = std::move(shared_->thread);
  }
  shared_->changed.notify_all();
  if (!thread.joinable()) return;
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();  // the last owner let go in an alarm; the thread ends with it
  } else {
    thread.join();
  }
}

Watch::Entry Watch::add(Clock::time_point when, std::weak_ptr<Alarm> alarm) {
  const std::scoped_lock lock(shared_->mutex);
  const Entry entry{when, shared_->next++};
  const auto at = shared_->alarms.emplace(entry, std::move(alarm)).first;
  if (!shared_->thread.joinable()) {
    shared_->thread = std::thread([shared = shared_] { serve(shared); });
    ::pthread_setname_np(shared_->thread.native_handle(), "mediscan watch");
  } else if (at == shared_->alarms.begin()) {
    shared_->changed.notify_one();
  }
  return entry;
}

void Watch::remove(const Entry& entry) noexcept {
  const std::scoped_lock lock(shared_->mutex);
  shared_->alarms.erase(entry);
}

void Watch::serve(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (!shared->closed) {
    if (shared->alarms.empty()) {
      shared->changed.wait(lock);
      continue;
    }
    const auto first = shared->alarms.begin();
    const Clock::time_point when = first->first.first;
    if (Clock::now() < when) {
      shared->changed.wait_until(lock, when);
      continue;
    }
    auto alarm = first->second.lock();
    shared->alarms.erase(first);
    if (!alarm) continue;
    lock.unlock();
    alarm->ring();
    alarm.reset();  // the last reference may go here, and with it the watch
    lock.lock();
  }
}

}  // namespace mediscan::schedule
