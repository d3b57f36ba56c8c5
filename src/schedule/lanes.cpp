#include "schedule/lanes.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <system_error>
#include <utility>

#include "schedule/buckets.hpp"
#include "schedule/compute_gate.hpp"
#include "schedule/ready_queue.hpp"

namespace mediscan::schedule {
namespace {

/// A call that someone waits for; it lives on that one's stack.
struct Call {
  const std::function<void()>& action;
  std::exception_ptr error;
  bool done = false;
  std::condition_variable finished;
};

Error too_late_error() {
  return {ErrorCode::deadline_exceeded, Stage::schedule, "its deadline is too near for even one batch",
          "give it more time or a higher priority, or send less work"};
}

}  // namespace

/// One lane: its runner and the batch that it runs. The alarm is the one for a batch that takes too long. All is
/// guarded by the mutex of what the lanes share.
struct Lanes::Seat : public Alarm {
  Seat(Shared& given, std::shared_ptr<Runner> given_runner) : shared(given), runner(std::move(given_runner)) {}

  void serve();
  void serve_call(std::unique_lock<std::mutex>& lock);
  void serve_batch(std::unique_lock<std::mutex>& lock);
  void run(std::unique_lock<std::mutex>& lock, std::vector<std::shared_ptr<Task>> batch, const ComputeTurn& turn);
  void give_up_if_all_ended();
  void arm(Clock::time_point when);
  void ring() noexcept override;
  [[nodiscard]] bool idle() const noexcept { return running.empty(); }

  Shared& shared;
  std::shared_ptr<Runner> runner;  // gone once the thread has ended
  std::deque<Call*> calls;
  bool ended = false;
  bool armed = false;

  // the batch that runs
  std::vector<std::shared_ptr<Task>> running;
  Clock::time_point running_since;
  std::uint64_t running_turn = 0;
  std::shared_ptr<std::atomic<bool>> given_up;
};

/// What the lanes' threads and their callers share.
struct Lanes::Shared : public std::enable_shared_from_this<Lanes::Shared> {
  Shared(LaneTerms given, std::shared_ptr<Watch> given_watch, std::vector<std::shared_ptr<Runner>> runners)
      : terms(std::move(given)), watch(std::move(given_watch)), ready(terms.buckets), latency(terms.buckets) {
    for (auto& runner : runners) seats.push_back(std::make_unique<Seat>(*this, std::move(runner)));
  }

  bool may_wait_for_more(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] std::size_t share_of_one() const;
  [[nodiscard]] LatencyModel::Duration until_one_is_free() const;
  [[nodiscard]] bool all_ended() const;
  [[nodiscard]] Error closed_error() const;

  const LaneTerms terms;
  const std::shared_ptr<Watch> watch;

  mutable std::mutex mutex;  // guards all below
  std::vector<std::unique_ptr<Seat>> seats;
  std::condition_variable wake;
  ReadyQueue ready;
  LatencyModel latency;
  LatencyModel::Duration turn_wait{0};
  std::atomic<int> preparing{0};
  bool closed = false;
  bool stuck = false;
  std::condition_variable changed;  // a lane ended, or they are stuck
};

Lanes::Lanes(LaneTerms terms, std::shared_ptr<Watch> watch, std::vector<std::shared_ptr<Runner>> runners)
    : shared_(std::make_shared<Shared>(std::move(terms), std::move(watch), std::move(runners))) {
  try {
    threads_.reserve(shared_->seats.size());
    for (const auto& seat : shared_->seats) {
      threads_.emplace_back([shared = shared_, &lane = *seat] { lane.serve(); });
      ::pthread_setname_np(
          threads_.back().native_handle(),
          shared_->terms.name.substr(0, 15).c_str());  // 16 bytes with the terminator is the kernel's limit
      ids_.push_back(threads_.back().get_id());
    }
  } catch (const std::system_error& error) {
    end_started();
    throw Error(ErrorCode::out_of_memory, Stage::schedule,
                fmt::format("{}: the system starts no thread: {}", shared_->terms.name, error.what()),
                "raise the limit on threads of this process (ulimit -u, the cgroup's pids.max)");
  }
}

/// Those lanes that have a thread, when another could get none.
void Lanes::end_started() {
  {
    const std::scoped_lock lock(shared_->mutex);
    shared_->closed = true;
    shared_->wake.notify_all();
  }
  for (auto& thread : threads_) thread.join();
}

Lanes::~Lanes() {
  if (home_.is_here()) {
    close();
  } else {
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.detach();
    }
    base::leave_behind(shared_);
  }
}

Error Lanes::Shared::closed_error() const {
  return stuck ? Error(ErrorCode::not_ready, Stage::schedule,
                       fmt::format("{} takes no more work: its backend hangs", terms.name), "its status says why")
               : Error(ErrorCode::not_ready, Stage::schedule,
                       fmt::format("{} takes no more work: it was unloaded", terms.name), "load the model again");
}

void Lanes::call(std::size_t lane, const std::function<void()>& action) {
  home_.require(Stage::schedule, shared_->terms.name);
  Call call{action, nullptr, false, {}};
  std::unique_lock lock(shared_->mutex);
  if (shared_->closed) throw Error(shared_->closed_error());
  shared_->seats.at(lane)->calls.push_back(&call);
  shared_->wake.notify_all();
  call.finished.wait(lock, [&] { return call.done; });
  if (call.error) std::rethrow_exception(std::exchange(call.error, nullptr));
}

void Lanes::enqueue(Batch tasks) {
  home_.require(Stage::schedule, shared_->terms.name);
  std::vector<std::shared_ptr<Task>> let_go;
  {
    const std::scoped_lock lock(shared_->mutex);
    if (shared_->closed) throw Error(shared_->closed_error());
    for (const auto& task : tasks) {
      // A task that ends from here on withdraws, and waits for this lock to do so.
      if (task->ended()) {
        let_go.push_back(task);
      } else {
        shared_->ready.add(task);
      }
    }
    shared_->wake.notify_all();
  }
  for (const auto& task : let_go) task->release();
}

void Lanes::withdraw(const Task& task) noexcept {
  std::shared_ptr<Task> out;
  {
    const std::scoped_lock lock(shared_->mutex);
    out = shared_->ready.remove(task.rank());
    if (!out) {
      for (const auto& seat : shared_->seats) seat->give_up_if_all_ended();
    }
  }
  if (out) out->release();
}

void Lanes::count_preparing(int change) noexcept { shared_->preparing.fetch_add(change, std::memory_order_relaxed); }

/// Whole batches go first, on all lanes alike. Behind one, the task's own batch is taken to be a whole one too: a long
/// queue of tasks that were accepted without that slack would have to run in small, slow batches. With less ahead it
/// runs with that.
LatencyModel::Duration Lanes::expected_wait(const Rank& rank) const {
  const std::scoped_lock lock(shared_->mutex);
  const auto& latency = shared_->latency;
  const auto& buckets = shared_->terms.buckets;
  const LatencyModel::Duration wait = shared_->turn_wait + shared_->until_one_is_free();
  const auto preparing = static_cast<std::size_t>(std::max(0, shared_->preparing.load(std::memory_order_relaxed)));
  const std::size_t ahead = shared_->ready.ahead_of(rank) + preparing;
  const std::size_t before = ahead / buckets.back() * buckets.back();
  const auto those = latency.per_picture() * static_cast<double>(before) / static_cast<double>(shared_->seats.size());
  return wait + those + latency.expected(before > 0 ? buckets.back() : smallest_that_holds(buckets, ahead + 1));
}

/// Nothing when a lane is free.
LatencyModel::Duration Lanes::Shared::until_one_is_free() const {
  auto soonest = LatencyModel::Duration::max();
  for (const auto& seat : seats) {
    if (seat->idle()) return LatencyModel::Duration(0);
    const LatencyModel::Duration elapsed = Clock::now() - seat->running_since;
    const auto whole = latency.mean(static_cast<std::uint32_t>(seat->running.size()));
    soonest = std::min(soonest, std::max(whole - elapsed, LatencyModel::Duration(0)));
  }
  return soonest;
}

LatencyModel::Duration Lanes::per_picture() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->latency.per_picture();
}

void Lanes::seed_latency(std::uint32_t batch, LatencyModel::Duration took) {
  const std::scoped_lock lock(shared_->mutex);
  shared_->latency.seed(batch, took);
}

std::vector<LatencyModel::Entry> Lanes::latencies() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->latency.entries();
}

std::size_t Lanes::waiting() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->ready.size();
}

void Lanes::close() {
  if (!home_.is_here()) return;
  std::unique_lock lock(shared_->mutex);
  shared_->closed = true;
  shared_->wake.notify_all();
  const bool own = std::ranges::find(ids_, std::this_thread::get_id()) != ids_.end();
  if (!own) shared_->changed.wait(lock, [&] { return shared_->all_ended() || shared_->stuck; });
  const bool come_back = shared_->all_ended();
  lock.unlock();
  const std::scoped_lock one_at_a_time(joining_);
  for (auto& thread : threads_) {
    if (!thread.joinable()) continue;
    if (come_back && !own) {
      thread.join();
    } else {
      thread.detach();
    }
  }
}

bool Lanes::Shared::all_ended() const {
  return std::ranges::all_of(seats, [](const auto& seat) { return seat->ended; });
}

/// How many of those that wait one lane takes at most, so that the others that are free have their part.
std::size_t Lanes::Shared::share_of_one() const {
  const auto free =
      static_cast<std::size_t>(std::ranges::count_if(seats, [](const auto& seat) { return seat->idle(); }));
  return (ready.size() + free - 1) / std::max<std::size_t>(free, 1);
}

void Lanes::Seat::serve() {
  std::unique_lock lock(shared.mutex);
  while (!shared.stuck) {
    if (!calls.empty()) {
      serve_call(lock);
    } else if (!shared.ready.empty()) {
      serve_batch(lock);
    } else if (shared.closed) {
      break;
    } else {
      shared.wake.wait(lock);
    }
  }
  auto finished = std::exchange(runner, {});
  lock.unlock();
  finished->close();
  finished.reset();
  lock.lock();
  ended = true;
  shared.changed.notify_all();
}

void Lanes::Seat::serve_call(std::unique_lock<std::mutex>& lock) {
  Call& call = *calls.front();
  calls.pop_front();
  lock.unlock();
  std::exception_ptr error;
  try {
    call.action();
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  call.error = std::move(error);
  call.done = true;
  call.finished.notify_one();  // with the lock held: the call lives on the stack of the one who waits
}

/// For a device that prefers full batches: true when it waited, and the queue is to be looked at anew.
bool Lanes::Shared::may_wait_for_more(std::unique_lock<std::mutex>& lock) {
  if (terms.max_delay.count() == 0 || closed || ready.fills_largest()) return false;
  const auto until = ready.waiting_since() + terms.max_delay;
  if (Clock::now() >= until) return false;
  wake.wait_until(lock, until);
  return true;
}

/// The batch is picked when the lane has its turn, not before: until then more may have come, and others may be free.
void Lanes::Seat::serve_batch(std::unique_lock<std::mutex>& lock) {
  if (shared.may_wait_for_more(lock)) return;
  const int threads = runner->computes_on_cpu() ? shared.terms.threads : 1;
  lock.unlock();
  const auto asked = Clock::now();
  const ComputeTurn turn = enter_compute(threads, shared.terms.budget);
  const LatencyModel::Duration waited = Clock::now() - asked;
  lock.lock();
  shared.turn_wait += (waited - shared.turn_wait) / 8;
  auto [batch, too_late] = shared.ready.pick(Clock::now(), shared.latency, shared.share_of_one());
  if (!batch.empty()) run(lock, std::move(batch), turn);
  if (too_late.empty()) return;
  lock.unlock();
  for (const auto& task : too_late) {
    task->fail(too_late_error());
    task->release();
  }
  too_late.clear();
  lock.lock();
}

void Lanes::Seat::run(std::unique_lock<std::mutex>& lock, std::vector<std::shared_ptr<Task>> batch,
                      const ComputeTurn& turn) {
  const auto size = static_cast<std::uint32_t>(batch.size());
  const auto flag = std::make_shared<std::atomic<bool>>(false);
  running = batch;
  running_since = Clock::now();
  running_turn = turn.number();
  given_up = flag;
  give_up_if_all_ended();  // who ended since the pick has withdrawn already
  if (!armed) arm(running_since + shared.terms.hang_timeout);
  const auto who = runner;
  lock.unlock();
  for (const auto& task : batch) task->running();
  const bool whole = who->run(batch, *flag);
  const LatencyModel::Duration took = Clock::now() - running_since;
  for (const auto& task : batch) task->release();
  lock.lock();
  if (whole && !flag->load() && !shared.stuck) shared.latency.observe(size, took);
  auto finished = std::exchange(running, {});
  lock.unlock();  // the last reference to a task may go here, and with it a model, and with that this lane
  finished.clear();
  batch.clear();
  lock.lock();
}

void Lanes::Seat::give_up_if_all_ended() {
  if (running.empty()) return;
  if (std::all_of(running.begin(), running.end(), [](const auto& task) { return task->ended(); }))
    given_up->store(true);
}

void Lanes::Seat::arm(Clock::time_point when) {
  armed = true;
  shared.watch->add(when, std::shared_ptr<Alarm>(shared.shared_from_this(), this));
}

/// A batch has run for hang_timeout: the lanes are given up, whoever waits gets an error, and the turn goes to the
/// next. What other lanes are running ends as it would.
void Lanes::Seat::ring() noexcept {
  std::unique_lock lock(shared.mutex);
  armed = false;
  if (running.empty() || shared.stuck) return;
  if (const auto due = running_since + shared.terms.hang_timeout; Clock::now() < due) {
    arm(due);
    return;
  }
  shared.stuck = true;
  shared.closed = true;
  const auto stranded = running;  // a copy: the thread may yet come back to it, and releases it then
  const auto never_ran = shared.ready.take_all();
  given_up->store(true);
  const std::uint64_t turn = running_turn;
  for (const auto& seat : shared.seats) {
    for (Call* call : std::exchange(seat->calls, {})) {
      call->error = std::make_exception_ptr(shared.closed_error());
      call->done = true;
      call->finished.notify_one();
    }
  }
  shared.wake.notify_all();
  shared.changed.notify_all();
  lock.unlock();
  revoke_compute(turn);
  const Error error(ErrorCode::backend_failed, Stage::backend,
                    fmt::format("{}: the backend has not returned from a batch for {} ms and was given up",
                                shared.terms.name, shared.terms.hang_timeout.count()),
                    "load the model again; if it happens again, the backend or its device is at fault");
  if (shared.terms.on_stuck) shared.terms.on_stuck(error);
  for (const auto& task : stranded) task->fail(error);
  for (const auto& task : never_ran) {
    task->fail(error);
    task->release();
  }
}

}  // namespace mediscan::schedule
