#include "schedule/lane.hpp"

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

/// What the lane's thread and its callers share; the alarm is the one for a batch that takes too long.
struct Lane::Shared : public Alarm, public std::enable_shared_from_this<Lane::Shared> {
  Shared(LaneTerms given, std::shared_ptr<Watch> given_watch, std::shared_ptr<Runner> given_runner)
      : terms(std::move(given)),
        watch(std::move(given_watch)),
        ready(terms.buckets),
        latency(terms.buckets),
        runner(std::move(given_runner)) {}

  void serve();
  void serve_call(std::unique_lock<std::mutex>& lock);
  void serve_batch(std::unique_lock<std::mutex>& lock);
  bool may_wait_for_more(std::unique_lock<std::mutex>& lock);
  void run(std::unique_lock<std::mutex>& lock, std::vector<std::shared_ptr<Task>> batch, const ComputeTurn& turn);
  void give_up_if_all_ended();
  void arm(Clock::time_point when);
  void ring() noexcept override;
  [[nodiscard]] Error closed_error() const;

  const LaneTerms terms;
  const std::shared_ptr<Watch> watch;

  mutable std::mutex mutex;  // guards all below
  std::condition_variable wake;
  std::deque<Call*> calls;
  ReadyQueue ready;
  LatencyModel latency;
  LatencyModel::Duration turn_wait{0};
  std::atomic<int> preparing{0};
  std::shared_ptr<Runner> runner;  // gone once the thread has ended
  bool closed = false;
  bool stuck = false;
  bool ended = false;
  bool armed = false;
  std::condition_variable changed;  // ended or stuck

  // the batch that runs
  std::vector<std::shared_ptr<Task>> running;
  Clock::time_point running_since;
  std::uint64_t running_turn = 0;
  std::shared_ptr<std::atomic<bool>> given_up;
};

Lane::Lane(LaneTerms terms, std::shared_ptr<Watch> watch, std::shared_ptr<Runner> runner)
    : shared_(std::make_shared<Shared>(std::move(terms), std::move(watch), std::move(runner))) {
  try {
    thread_ = std::thread([shared = shared_] { shared->serve(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::out_of_memory, Stage::schedule,
                fmt::format("{}: the system starts no thread: {}", shared_->terms.name, error.what()),
                "raise the limit on threads of this process (ulimit -u, the cgroup's pids.max)");
  }
  ::pthread_setname_np(
      thread_.native_handle(),
      shared_->terms.name.substr(0, 15).c_str());  // 16 bytes with the terminator is the kernel's limit
}

Lane::~Lane() {
  if (home_.is_here()) {
    close();
  } else {
    thread_.detach();
    base::leave_behind(shared_);
  }
}

Error Lane::Shared::closed_error() const {
  return stuck ? Error(ErrorCode::not_ready, Stage::schedule,
                       fmt::format("{} takes no more work: its backend hangs", terms.name), "its status says why")
               : Error(ErrorCode::not_ready, Stage::schedule,
                       fmt::format("{} takes no more work: it was unloaded", terms.name), "load the model again");
}

void Lane::call(const std::function<void()>& action) {
  home_.require(Stage::schedule, shared_->terms.name);
  Call call{action, nullptr, false, {}};
  std::unique_lock lock(shared_->mutex);
  if (shared_->closed) throw Error(shared_->closed_error());
  shared_->calls.push_back(&call);
  shared_->wake.notify_one();
  call.finished.wait(lock, [&] { return call.done; });
  if (call.error) std::rethrow_exception(std::exchange(call.error, nullptr));
}

void Lane::enqueue(Batch tasks) {
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
    shared_->wake.notify_one();
  }
  for (const auto& task : let_go) task->release();
}

void Lane::withdraw(const Task& task) noexcept {
  std::shared_ptr<Task> out;
  {
    const std::scoped_lock lock(shared_->mutex);
    out = shared_->ready.remove(task.rank());
    if (!out) shared_->give_up_if_all_ended();
  }
  if (out) out->release();
}

void Lane::count_preparing(int change) noexcept { shared_->preparing.fetch_add(change, std::memory_order_relaxed); }

/// Whole batches go first. Behind one, the task's own batch is taken to be a whole one too: a long queue of tasks that
/// were accepted without that slack would have to run in small, slow batches. With less ahead it runs with that.
LatencyModel::Duration Lane::expected_wait(const Rank& rank) const {
  const std::scoped_lock lock(shared_->mutex);
  const auto& latency = shared_->latency;
  const auto& buckets = shared_->terms.buckets;
  LatencyModel::Duration wait = shared_->turn_wait;
  if (!shared_->running.empty()) {
    const LatencyModel::Duration elapsed = Clock::now() - shared_->running_since;
    const auto whole = latency.mean(static_cast<std::uint32_t>(shared_->running.size()));
    if (whole > elapsed) wait += whole - elapsed;
  }
  const auto preparing = static_cast<std::size_t>(std::max(0, shared_->preparing.load(std::memory_order_relaxed)));
  const std::size_t ahead = shared_->ready.ahead_of(rank) + preparing;
  const std::size_t before = ahead / buckets.back() * buckets.back();
  wait += latency.per_picture() * static_cast<double>(before);
  return wait + latency.expected(before > 0 ? buckets.back() : smallest_that_holds(buckets, ahead + 1));
}

LatencyModel::Duration Lane::per_picture() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->latency.per_picture();
}

void Lane::seed_latency(std::uint32_t batch, LatencyModel::Duration took) {
  const std::scoped_lock lock(shared_->mutex);
  shared_->latency.seed(batch, took);
}

std::vector<LatencyModel::Entry> Lane::latencies() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->latency.entries();
}

std::size_t Lane::waiting() const {
  const std::scoped_lock lock(shared_->mutex);
  return shared_->ready.size();
}

void Lane::close() {
  if (!home_.is_here()) return;
  std::unique_lock lock(shared_->mutex);
  shared_->closed = true;
  shared_->wake.notify_one();
  const bool own = thread_.get_id() == std::this_thread::get_id();
  if (!own) shared_->changed.wait(lock, [&] { return shared_->ended || shared_->stuck; });
  const bool comes_back = shared_->ended;
  lock.unlock();
  const std::scoped_lock one_at_a_time(joining_);
  if (!thread_.joinable()) return;
  if (comes_back && !own) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void Lane::Shared::serve() {
  std::unique_lock lock(mutex);
  while (!stuck) {
    if (!calls.empty()) {
      serve_call(lock);
    } else if (!ready.empty()) {
      serve_batch(lock);
    } else if (closed) {
      break;
    } else {
      wake.wait(lock);
    }
  }
  auto finished = std::exchange(runner, {});
  lock.unlock();
  finished->close();
  finished.reset();
  lock.lock();
  ended = true;
  changed.notify_all();
}

void Lane::Shared::serve_call(std::unique_lock<std::mutex>& lock) {
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
bool Lane::Shared::may_wait_for_more(std::unique_lock<std::mutex>& lock) {
  if (terms.max_delay.count() == 0 || closed || ready.fills_largest()) return false;
  const auto until = ready.waiting_since() + terms.max_delay;
  if (Clock::now() >= until) return false;
  wake.wait_until(lock, until);
  return true;
}

/// The batch is picked when the lane has its turn, not before: until then more may have come.
void Lane::Shared::serve_batch(std::unique_lock<std::mutex>& lock) {
  if (may_wait_for_more(lock)) return;
  const int threads = runner->computes_on_cpu() ? terms.threads : 1;
  lock.unlock();
  const auto asked = Clock::now();
  const ComputeTurn turn = enter_compute(threads);
  const LatencyModel::Duration waited = Clock::now() - asked;
  lock.lock();
  turn_wait += (waited - turn_wait) / 8;
  auto [batch, too_late] = ready.pick(Clock::now(), latency);
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

void Lane::Shared::run(std::unique_lock<std::mutex>& lock, std::vector<std::shared_ptr<Task>> batch,
                       const ComputeTurn& turn) {
  const auto size = static_cast<std::uint32_t>(batch.size());
  const auto flag = std::make_shared<std::atomic<bool>>(false);
  running = batch;
  running_since = Clock::now();
  running_turn = turn.number();
  given_up = flag;
  give_up_if_all_ended();  // who ended since the pick has withdrawn already
  if (!armed) arm(running_since + terms.hang_timeout);
  const auto who = runner;
  lock.unlock();
  for (const auto& task : batch) task->running();
  const bool whole = who->run(batch, *flag);
  const LatencyModel::Duration took = Clock::now() - running_since;
  for (const auto& task : batch) task->release();
  lock.lock();
  if (whole && !flag->load() && !stuck) latency.observe(size, took);
  auto finished = std::exchange(running, {});
  lock.unlock();  // the last reference to a task may go here, and with it a model, and with that this lane
  finished.clear();
  batch.clear();
  lock.lock();
}

void Lane::Shared::give_up_if_all_ended() {
  if (running.empty()) return;
  if (std::all_of(running.begin(), running.end(), [](const auto& task) { return task->ended(); }))
    given_up->store(true);
}

void Lane::Shared::arm(Clock::time_point when) {
  armed = true;
  watch->add(when, weak_from_this());
}

/// A batch has run for hang_timeout: its lane is given up, whoever waits gets an error, and the turn goes to the next.
void Lane::Shared::ring() noexcept {
  std::unique_lock lock(mutex);
  armed = false;
  if (running.empty() || stuck) return;
  if (const auto due = running_since + terms.hang_timeout; Clock::now() < due) {
    arm(due);
    return;
  }
  stuck = true;
  closed = true;
  const auto stranded = running;  // a copy: the thread may yet come back to it, and releases it then
  const auto never_ran = ready.take_all();
  given_up->store(true);
  const std::uint64_t turn = running_turn;
  for (Call* call : calls) {
    call->error = std::make_exception_ptr(closed_error());
    call->done = true;
    call->finished.notify_one();
  }
  calls.clear();
  changed.notify_all();
  lock.unlock();
  revoke_compute(turn);
  const Error error(ErrorCode::backend_failed, Stage::backend,
                    fmt::format("{}: the backend has not returned from a batch for {} ms and was given up", terms.name,
                                terms.hang_timeout.count()),
                    "load the model again; if it happens again, the backend or its device is at fault");
  if (terms.on_stuck) terms.on_stuck(error);
  for (const auto& task : stranded) task->fail(error);
  for (const auto& task : never_ran) {
    task->fail(error);
    task->release();
  }
}

}  // namespace mediscan::schedule
