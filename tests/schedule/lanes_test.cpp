#include "schedule/lanes.hpp"

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
    lanes = std::make_unique<Lanes>(std::move(terms), watch, std::vector<std::shared_ptr<Runner>>{runner});
  }
  std::shared_ptr<ScriptTask> task(int priority = 0, Clock::time_point deadline = no_deadline, std::string name = {}) {
    auto made = std::make_shared<ScriptTask>(priority, deadline, std::move(name));
    made->lanes = lanes.get();
    return made;
  }
  void enqueue(const std::vector<std::shared_ptr<ScriptTask>>& tasks) const {
    const std::vector<std::shared_ptr<Task>> all(tasks.begin(), tasks.end());
    lanes->enqueue(all);
  }
  /// Holds the lane until the returned promise is kept, so that a queue builds up.
  [[nodiscard]] std::promise<void> hold() {
    std::promise<void> go;
    std::promise<void> held;
    auto reached = held.get_future();
    holder = std::thread([this, future = go.get_future().share(), held = std::move(held)]() mutable {
      lanes->call(0, [&] {
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
  std::unique_ptr<Lanes> lanes;
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
  fixture.lanes->call(0, [&] { first = std::this_thread::get_id(); });
  std::thread([&] { fixture.lanes->call(0, [&] { second = std::this_thread::get_id(); }); }).join();
  CHECK(first == second);
  CHECK(first != std::this_thread::get_id());
}

TEST_CASE("what a call throws reaches its caller, and the lane goes on") {
  const Fixture fixture;
  CHECK_THROWS_WITH_AS(fixture.lanes->call(0, [] { throw std::runtime_error("no luck"); }), "no luck",
                       std::runtime_error);
  bool ran = false;
  fixture.lanes->call(0, [&] { ran = true; });
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
  CHECK(fixture.lanes->waiting() == 2);
  CHECK(leaves->fail(Error(ErrorCode::cancelled, Stage::schedule, "enough")));
  CHECK(fixture.lanes->waiting() == 1);
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
  CHECK(fixture.lanes->waiting() == 0);
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
  CHECK(error_of([&] { fixture.lanes->call(0, [] {}); }).code() == ErrorCode::not_ready);
  {
    Fixture other({.name = "other", .buckets = {1}, .threads = 2});  // needs the turn that the first one held
    const auto task = other.task();
    other.enqueue({task});
    wait_until_ended({task});
    CHECK_FALSE(task->error().has_value());
  }
  hangs->lanes = nullptr;
  waits->lanes = nullptr;
  const auto runner = fixture.runner;
  fixture.lanes->close();
  fixture.lanes.reset();  // safe while the thread is in foreign code
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
  const auto empty = fixture.lanes->expected_wait(rank_now());
  auto go = fixture.hold();
  std::vector<std::shared_ptr<ScriptTask>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(fixture.task());
  fixture.enqueue(tasks);
  const auto behind = fixture.lanes->expected_wait(rank_now());
  const auto before = fixture.lanes->expected_wait(rank_now(1));
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
  std::thread closer([&] { fixture.lanes->close(); });
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
  for (int i = 0; i < 4; ++i) closers.emplace_back([&] { fixture.lanes->close(); });
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
    fixture.lanes->close();
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
  fixture.lanes->call(0, [] {});
  const int code = test::exit_code_of_child([&] {
    const Error error = error_of([&] { fixture.lanes->call(0, [] {}); });
    const Error too = error_of([&] { fixture.enqueue({fixture.task()}); });
    fixture.lanes->close();
    fixture.lanes.reset();
    return error.code() == ErrorCode::forked && too.code() == ErrorCode::forked ? 0 : 2;
  });
  CHECK(code == 0);
  bool ran = false;
  fixture.lanes->call(0, [&] { ran = true; });
  CHECK(ran);
}

/// Two lanes, each with a runner of its own.
struct TwoLanes {
  explicit TwoLanes(LaneTerms terms = {}) {
    if (terms.name.empty()) terms.name = "model x";
    lanes = std::make_unique<Lanes>(std::move(terms), watch, std::vector<std::shared_ptr<Runner>>{first, second});
  }
  void enqueue(std::size_t count, std::vector<std::shared_ptr<ScriptTask>>& tasks) const {
    std::vector<std::shared_ptr<Task>> all;
    for (std::size_t i = 0; i < count; ++i) {
      tasks.push_back(std::make_shared<ScriptTask>());
      tasks.back()->lanes = lanes.get();
      all.push_back(tasks.back());
    }
    lanes->enqueue(all);
  }

  std::shared_ptr<Watch> watch = std::make_shared<Watch>();
  std::shared_ptr<ScriptRunner> first = std::make_shared<ScriptRunner>();
  std::shared_ptr<ScriptRunner> second = std::make_shared<ScriptRunner>();
  std::unique_ptr<Lanes> lanes;
};

/// A script in which a runner waits until the other is inside, too; gives up after a while, so that a failure ends.
std::function<void(Batch, const std::atomic<bool>&)> meeting(std::atomic<int>& inside, std::atomic<int>& met) {
  return [&](Batch, const std::atomic<bool>&) {
    ++inside;
    const auto until = Clock::now() + 5s;
    while (inside < 2 && Clock::now() < until) std::this_thread::yield();
    if (inside >= 2) ++met;
  };
}

TEST_CASE("two lanes have a thread each, and a call runs on the one that was named") {
  const TwoLanes fixture;
  CHECK(fixture.lanes->count() == 2);
  std::thread::id first;
  std::thread::id second;
  std::thread::id again;
  fixture.lanes->call(0, [&] { first = std::this_thread::get_id(); });
  fixture.lanes->call(1, [&] { second = std::this_thread::get_id(); });
  fixture.lanes->call(1, [&] { again = std::this_thread::get_id(); });
  CHECK(first != second);
  CHECK(second == again);
}

TEST_CASE("free lanes share what waits, and run it side by side") {
  TwoLanes fixture({.name = {}, .buckets = {1, 2, 4, 8}});
  std::atomic<int> inside{0};
  std::atomic<int> met{0};
  fixture.first->script = meeting(inside, met);
  fixture.second->script = meeting(inside, met);
  std::vector<std::shared_ptr<ScriptTask>> tasks;
  fixture.enqueue(8, tasks);
  wait_until_ended(tasks);
  fixture.lanes->close();
  CHECK(met == 2);
  REQUIRE(fixture.first->batches.size() == 1);
  REQUIRE(fixture.second->batches.size() == 1);
  CHECK(fixture.first->batches.front().size() == 4);
  CHECK(fixture.second->batches.front().size() == 4);
}

TEST_CASE("one picture more is no work for a lane that is busy, but for the one that is free") {
  TwoLanes fixture;
  std::atomic<int> inside{0};
  std::atomic<int> met{0};
  fixture.first->script = meeting(inside, met);
  fixture.second->script = meeting(inside, met);
  std::vector<std::shared_ptr<ScriptTask>> tasks;
  fixture.enqueue(1, tasks);
  while (inside == 0) std::this_thread::yield();
  fixture.enqueue(1, tasks);
  wait_until_ended(tasks);
  CHECK(met == 2);
}

TEST_CASE("a task waits half as long behind two lanes as behind one, and not at all for a free one") {
  const auto teach = [](auto& lanes, auto& runners) {
    for (const auto& runner : runners) {
      runner->script = [](Batch, const std::atomic<bool>&) { std::this_thread::sleep_for(10ms); };
    }
    for (int i = 0; i < 6; ++i) {
      const auto task = std::make_shared<ScriptTask>();
      const std::shared_ptr<Task> one = task;
      lanes.enqueue({&one, 1});
      wait_until_ended({task});
    }
  };
  TwoLanes two;
  const std::vector<std::shared_ptr<ScriptRunner>> of_two = {two.first, two.second};
  teach(*two.lanes, of_two);
  Fixture one;
  const std::vector<std::shared_ptr<ScriptRunner>> of_one = {one.runner};
  teach(*one.lanes, of_one);
  two.lanes->count_preparing(20);
  one.lanes->count_preparing(20);
  const auto behind_two = two.lanes->expected_wait(rank_now());
  const auto behind_one = one.lanes->expected_wait(rank_now());
  CHECK(behind_two > LatencyModel::Duration(100));  // twenty of 10 ms on two lanes
  CHECK(behind_one > LatencyModel::Duration(200));
  CHECK(behind_two < behind_one * 3 / 4);
}

TEST_CASE("when one of two lanes hangs both are given up, and what the other was running ends as it would") {
  std::promise<void> come_back;
  const auto returning = come_back.get_future().share();
  std::promise<void> told;
  TwoLanes fixture(
      {.name = {}, .buckets = {1}, .hang_timeout = 50ms, .on_stuck = [&](const Error&) { told.set_value(); }});
  std::atomic<int> running{0};
  std::atomic<bool> hung{false};
  std::atomic<bool> finish{false};
  const auto script = [&, returning](Batch, const std::atomic<bool>&) {
    ++running;
    if (!hung.exchange(true)) {
      returning.wait();
    } else {
      while (!finish) std::this_thread::yield();
    }
  };
  fixture.first->script = script;
  fixture.second->script = script;
  std::vector<std::shared_ptr<ScriptTask>> tasks;
  fixture.enqueue(1, tasks);
  while (running < 1) std::this_thread::yield();
  std::this_thread::sleep_for(30ms);  // so that the first one's time is up before the second one's
  fixture.enqueue(1, tasks);
  while (running < 2) std::this_thread::yield();
  told.get_future().wait();
  while (tasks[0]->ends == 0) std::this_thread::yield();
  CHECK(tasks[0]->error() == ErrorCode::backend_failed);
  CHECK(tasks[1]->ends == 0);
  finish = true;
  wait_until_ended({tasks[1]});
  CHECK_FALSE(tasks[1]->error().has_value());
  CHECK(error_of([&] { fixture.lanes->call(1, [] {}); }).code() == ErrorCode::not_ready);
  for (const auto& task : tasks) task->lanes = nullptr;
  const auto first = fixture.first;
  const auto second = fixture.second;
  fixture.lanes.reset();  // safe while a thread is in foreign code
  come_back.set_value();
  while (first->closed == 0 || second->closed == 0) std::this_thread::yield();
}

TEST_CASE("closing two lanes lets what waits run and closes both runners") {
  TwoLanes fixture;
  std::vector<std::shared_ptr<ScriptTask>> tasks;
  fixture.enqueue(16, tasks);
  fixture.lanes->close();
  for (const auto& task : tasks) CHECK(task->ran);
  CHECK(fixture.first->closed == 1);
  CHECK(fixture.second->closed == 1);
}

}  // namespace
}  // namespace mediscan::schedule
