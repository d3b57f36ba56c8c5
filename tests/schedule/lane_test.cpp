#include "schedule/lane.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "errors.hpp"
#include "forked.hpp"
#include "schedule/compute_gate.hpp"
#include "script_task.hpp"

namespace mediscan::schedule {
namespace {

using namespace std::chrono_literals;
using test::error_of;

struct Fixture {
  explicit Fixture(LaneTerms terms = {}) {
    if (terms.name.empty()) terms.name = "model x";
    lane = std::make_unique<Lane>(std::move(terms), watch, runner);
  }
  std::shared_ptr<ScriptTask> task(int priority = 0, Clock::time_point deadline = no_deadline, std::string name = {}) {
    auto made = std::make_shared<ScriptTask>(priority, deadline, std::move(name));
    made->lane = lane.get();
    return made;
  }
  void enqueue(const std::vector<std::shared_ptr<ScriptTask>>& tasks) const {
    const std::vector<std::shared_ptr<Task>> all(tasks.begin(), tasks.end());
    lane->enqueue(all);
  }
  /// Holds the lane until the returned promise is kept, so that a queue builds up.
  [[nodiscard]] std::promise<void> hold() {
    std::promise<void> go;
    std::promise<void> held;
    auto reached = held.get_future();
    holder = std::thread([this, future = go.get_future().share(), held = std::move(held)]() mutable {
      lane->call([&] {
        held.set_value();
        future.wait();
      });
    });
    reached.wait();
    return go;
  }
  ~Fixture() {
    if (holder.joinable()) holder.join();
  }

  std::shared_ptr<Watch> watch = std::make_shared<Watch>();
  std::shared_ptr<ScriptRunner> runner = std::make_shared<ScriptRunner>();
  std::unique_ptr<Lane> lane;
  std::thread holder;
};

void wait_until_ended(const std::vector<std::shared_ptr<ScriptTask>>& tasks) {
  for (const auto& task : tasks) {
    while (task->released == 0) std::this_thread::yield();
  }
}

TEST_CASE("every call runs on the lane's one thread, which is not the caller's") {
  const Fixture fixture;
  std::thread::id first;
  std::thread::id second;
  fixture.lane->call([&] { first = std::this_thread::get_id(); });
  std::thread([&] { fixture.lane->call([&] { second = std::this_thread::get_id(); }); }).join();
  CHECK(first == second);
  CHECK(first != std::this_thread::get_id());
}

TEST_CASE("what a call throws reaches its caller, and the lane goes on") {
  const Fixture fixture;
  CHECK_THROWS_WITH_AS(fixture.lane->call([] { throw std::runtime_error("no luck"); }), "no luck", std::runtime_error);
  bool ran = false;
  fixture.lane->call([&] { ran = true; });
  CHECK(ran);
}

TEST_CASE("what waits is run in batches of the sizes in use, the largest first, and never padded") {
  Fixture fixture({.name = {}, .buckets = {1, 2, 4}});
  auto go = fixture.hold();
  std::vector<std::shared_ptr<ScriptTask>> tasks;
  for (int i = 0; i < 7; ++i) tasks.push_back(fixture.task());
  fixture.enqueue(tasks);
  go.set_value();
  wait_until_ended(tasks);
  std::vector<std::size_t> sizes;
  for (const auto& batch : fixture.runner->batches) sizes.push_back(batch.size());
  CHECK(sizes == std::vector<std::size_t>{4, 2, 1});
  CHECK(tasks.front()->batch() == 4);
  CHECK(tasks.back()->batch() == 1);
}

TEST_CASE("higher priority comes first, then the earlier deadline, then who came first") {
  Fixture fixture;
  auto go = fixture.hold();
  const auto now = Clock::now();
  const std::vector<std::shared_ptr<ScriptTask>> tasks = {
      fixture.task(-1, now + 1h, "low"),      fixture.task(0, no_deadline, "no deadline"),
      fixture.task(0, now + 2h, "later"),     fixture.task(0, now + 1h, "sooner"),
      fixture.task(0, now + 2h, "later too"), fixture.task(1, no_deadline, "high")};
  fixture.enqueue(tasks);
  go.set_value();
  wait_until_ended(tasks);
  std::vector<std::string> order;
  for (const auto& batch : fixture.runner->batches) order.push_back(batch.front());
  CHECK(order == std::vector<std::string>{"high", "sooner", "later", "later too", "no deadline", "low"});
}

TEST_CASE("a task that is withdrawn leaves the queue at once and never runs") {
  Fixture fixture;
  auto go = fixture.hold();
  const auto stays = fixture.task();
  const auto leaves = fixture.task();
  fixture.enqueue({stays, leaves});
  CHECK(fixture.lane->waiting() == 2);
  CHECK(leaves->fail(Error(ErrorCode::cancelled, Stage::schedule, "enough")));
  CHECK(fixture.lane->waiting() == 1);
  CHECK(leaves->released == 1);
  go.set_value();
  wait_until_ended({stays});
  CHECK_FALSE(leaves->ran);
  CHECK(leaves->ends == 1);
  CHECK(fixture.runner->batches.size() == 1);
}

TEST_CASE("a task that has ended before it joins is let go") {
  Fixture fixture;
  const auto task = fixture.task();
  task->fail(Error(ErrorCode::cancelled, Stage::schedule, "enough"));
  fixture.enqueue({task});
  CHECK(task->released == 1);
  CHECK(fixture.lane->waiting() == 0);
}

TEST_CASE("batches that only wait for a device run while another lane has its turn on the CPU") {
  LaneTerms terms;
  terms.threads = 2;
  Fixture fixture(terms);
  fixture.runner->on_cpu = false;
  const auto turn_of_another = enter_compute(2);
  const auto task = fixture.task();
  fixture.enqueue({task});
  wait_until_ended({task});  // would wait for ever if it took a turn
  CHECK(fixture.runner->batches.size() == 1);
}

TEST_CASE("a batch is told to stop when all of its tasks have ended, and not before") {
  Fixture fixture({.name = {}, .buckets = {1, 2}});
  std::promise<void> running;
  std::atomic<bool> stopped_early{false};
  std::atomic<bool> one_left{false};
  fixture.runner->script = [&](Batch, const std::atomic<bool>& given_up) {
    running.set_value();
    while (!given_up) {
      if (one_left) stopped_early = false;
      std::this_thread::yield();
    }
  };
  auto go = fixture.hold();
  const auto a = fixture.task();
  const auto b = fixture.task();
  fixture.enqueue({a, b});
  go.set_value();
  running.get_future().wait();
  a->fail(Error(ErrorCode::cancelled, Stage::schedule, "enough"));
  one_left = true;
  std::this_thread::sleep_for(20ms);
  CHECK(a->released == 0);  // the batch still reads its tensor
  b->fail(Error(ErrorCode::cancelled, Stage::schedule, "enough"));
  wait_until_ended({a, b});
  CHECK(a->ends == 1);
  CHECK(b->ends == 1);
}

TEST_CASE("a task whose deadline not even a batch of its own can meet is refused rather than run") {
  Fixture fixture;
  for (int i = 0; i < 5; ++i) {  // the lane learns how long a batch takes
    fixture.runner->script = [](Batch, const std::atomic<bool>&) { std::this_thread::sleep_for(20ms); };
    const auto task = fixture.task();
    fixture.enqueue({task});
    wait_until_ended({task});
  }
  const auto late = fixture.task(0, Clock::now() + 5ms);
  const auto fine = fixture.task(0, Clock::now() + 10s);
  fixture.enqueue({late, fine});
  wait_until_ended({late, fine});
  CHECK(late->error() == ErrorCode::deadline_exceeded);
  CHECK_FALSE(late->ran);
  CHECK(fine->ran);
  CHECK_FALSE(fine->error().has_value());
}

TEST_CASE("a lane that may wait for a fuller batch does, and no longer than it may") {
  Fixture fixture({.name = {}, .buckets = {1, 2}, .max_delay = 10s});
  const auto first = fixture.task();
  const auto second = fixture.task();
  fixture.enqueue({first});
  std::this_thread::sleep_for(20ms);
  CHECK_FALSE(first->ran);
  fixture.enqueue({second});  // now it is full
  wait_until_ended({first, second});
  CHECK(first->batch() == 2);

  Fixture brief({.name = {}, .buckets = {1, 2}, .max_delay = 10ms});
  const auto alone = brief.task();
  brief.enqueue({alone});
  wait_until_ended({alone});
  CHECK(alone->batch() == 1);
}

TEST_CASE("a runner that does not come back is given up: everyone gets an error, others go on") {
  std::promise<void> come_back;
  auto returning = come_back.get_future().share();
  std::promise<Error> told;
  Fixture fixture({.name = {}, .buckets = {1}, .threads = 2, .hang_timeout = 50ms, .on_stuck = [&](const Error& error) {
                     told.set_value(error);
                   }});
  std::promise<void> running;
  fixture.runner->script = [&, returning](Batch, const std::atomic<bool>&) {
    running.set_value();
    returning.wait();
  };
  const auto hangs = fixture.task();
  const auto waits = fixture.task();
  fixture.enqueue({hangs});
  running.get_future().wait();
  fixture.enqueue({waits});
  CHECK(told.get_future().get().code() == ErrorCode::backend_failed);
  while (waits->ends == 0 || hangs->ends == 0) std::this_thread::yield();
  CHECK(hangs->error() == ErrorCode::backend_failed);
  CHECK(waits->error() == ErrorCode::backend_failed);
  while (waits->released == 0) std::this_thread::yield();
  CHECK(hangs->released == 0);  // foreign code still reads its tensor
  CHECK(error_of([&] { fixture.enqueue({fixture.task()}); }).code() == ErrorCode::not_ready);
  CHECK(error_of([&] { fixture.lane->call([] {}); }).code() == ErrorCode::not_ready);
  {
    Fixture other({.name = "other", .buckets = {1}, .threads = 2});  // needs the turn that the first one held
    const auto task = other.task();
    other.enqueue({task});
    wait_until_ended({task});
    CHECK_FALSE(task->error().has_value());
  }
  hangs->lane = nullptr;
  waits->lane = nullptr;
  const auto runner = fixture.runner;
  fixture.lane->close();
  fixture.lane.reset();  // safe while the thread is in foreign code
  come_back.set_value();
  while (runner->closed == 0) std::this_thread::yield();
  CHECK(hangs->released == 1);
  CHECK(hangs->ends == 1);
}

TEST_CASE("a batch that takes long, but less than it may, is not given up") {
  Fixture fixture({.name = {}, .buckets = {1}, .hang_timeout = 100ms});
  fixture.runner->script = [](Batch, const std::atomic<bool>&) { std::this_thread::sleep_for(30ms); };
  std::vector<std::shared_ptr<ScriptTask>> tasks;
  for (int i = 0; i < 8; ++i) tasks.push_back(fixture.task());  // together longer than the limit
  fixture.enqueue(tasks);
  wait_until_ended(tasks);
  for (const auto& task : tasks) CHECK_FALSE(task->error().has_value());
}

TEST_CASE("the wait that is foreseen grows with the work ahead, and higher priority sees less of it") {
  Fixture fixture;
  fixture.runner->script = [](Batch, const std::atomic<bool>&) { std::this_thread::sleep_for(10ms); };
  for (int i = 0; i < 5; ++i) {
    const auto task = fixture.task();
    fixture.enqueue({task});
    wait_until_ended({task});
  }
  const auto empty = fixture.lane->expected_wait(rank_now());
  auto go = fixture.hold();
  std::vector<std::shared_ptr<ScriptTask>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(fixture.task());
  fixture.enqueue(tasks);
  const auto behind = fixture.lane->expected_wait(rank_now());
  const auto before = fixture.lane->expected_wait(rank_now(1));
  CHECK(behind > empty + LatencyModel::Duration(90));
  CHECK(before < behind / 2);
  go.set_value();
  wait_until_ended(tasks);
}

TEST_CASE("closing lets what waits run, closes the runner on the lane, then refuses work") {
  Fixture fixture;
  auto go = fixture.hold();
  const auto task = fixture.task();
  fixture.enqueue({task});
  std::thread closer([&] { fixture.lane->close(); });
  std::this_thread::sleep_for(10ms);
  CHECK(fixture.runner->closed == 0);
  go.set_value();
  closer.join();
  CHECK(task->ran);
  CHECK(fixture.runner->closed == 1);
  const Error error = error_of([&] { fixture.enqueue({fixture.task()}); });
  CHECK(error.code() == ErrorCode::not_ready);
  CHECK(test::contains(error.message(), "model x"));
}

TEST_CASE("closing twice, from several threads, is one closing") {
  Fixture fixture;
  std::vector<std::thread> closers;
  for (int i = 0; i < 4; ++i) closers.emplace_back([&] { fixture.lane->close(); });
  for (auto& closer : closers) closer.join();
  CHECK(fixture.runner->closed == 1);
}

TEST_CASE("closing while many threads hand in and withdraw: each task is run, refused or withdrawn, exactly once") {
  for (int round = 0; round < 20; ++round) {
    Fixture fixture({.name = {}, .buckets = {1, 2, 4}});
    std::atomic<int> refused{0};
    std::vector<std::vector<std::shared_ptr<ScriptTask>>> tasks(4);
    std::vector<std::thread> callers;
    for (auto& mine : tasks) {
      callers.emplace_back([&] {
        for (int k = 0; k < 50; ++k) {
          auto task = fixture.task(k % 3 - 1);
          try {
            fixture.enqueue({task});
            mine.push_back(task);
          } catch (const Error&) {
            ++refused;
          }
          if (k % 5 == 0) task->fail(Error(ErrorCode::cancelled, Stage::schedule, "enough"));
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50 * round));
    fixture.lane->close();
    for (auto& caller : callers) caller.join();
    std::size_t accepted = 0;
    for (const auto& mine : tasks) {
      accepted += mine.size();
      for (const auto& task : mine) {
        CHECK(task->ends == 1);
        CHECK(task->released == 1);
      }
    }
    CHECK(accepted + static_cast<std::size_t>(refused) == 4 * 50);
  }
}

TEST_CASE("in a child made by fork() a lane refuses work and lets itself be destroyed") {
  Fixture fixture;
  fixture.lane->call([] {});
  const int code = test::exit_code_of_child([&] {
    const Error error = error_of([&] { fixture.lane->call([] {}); });
    const Error too = error_of([&] { fixture.enqueue({fixture.task()}); });
    fixture.lane->close();
    fixture.lane.reset();
    return error.code() == ErrorCode::forked && too.code() == ErrorCode::forked ? 0 : 2;
  });
  CHECK(code == 0);
  bool ran = false;
  fixture.lane->call([&] { ran = true; });
  CHECK(ran);
}

}  // namespace
}  // namespace mediscan::schedule
