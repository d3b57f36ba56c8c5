#include "schedule/ready_queue.hpp"

#include <doctest/doctest.h>

#include "script_task.hpp"

namespace mediscan::schedule {
namespace {

using namespace std::chrono_literals;
using Duration = LatencyModel::Duration;

/// 10 ms a picture at every size, known exactly.
LatencyModel steady(const std::vector<std::uint32_t>& buckets) {
  LatencyModel latency(buckets);
  for (const std::uint32_t bucket : buckets) {
    for (int i = 0; i < 60; ++i) latency.observe(bucket, Duration(10.0 * bucket));
  }
  return latency;
}

std::vector<std::string> names(const std::vector<std::shared_ptr<Task>>& tasks) {
  std::vector<std::string> all;
  for (const auto& task : tasks) all.push_back(static_cast<const ScriptTask&>(*task).name());
  return all;
}

TEST_CASE("the batch is the largest size that waits, in order of rank") {
  const std::vector<std::uint32_t> buckets = {1, 2, 4, 8};
  ReadyQueue queue(buckets);
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    queue.add(std::make_shared<ScriptTask>(0, no_deadline, name));
  }
  queue.add(std::make_shared<ScriptTask>(1, no_deadline, "urgent"));
  auto pick = queue.pick(Clock::now(), steady(buckets));
  CHECK(names(pick.batch) == std::vector<std::string>{"urgent", "a", "b", "c"});
  CHECK(pick.too_late.empty());
  CHECK(queue.size() == 2);
}

TEST_CASE("a batch is no larger than the part that is asked for") {
  const std::vector<std::uint32_t> buckets = {1, 2, 4};
  ReadyQueue queue(buckets);
  for (int i = 0; i < 4; ++i) queue.add(std::make_shared<ScriptTask>());
  CHECK(queue.pick(Clock::now(), steady(buckets), 3).batch.size() == 2);
  CHECK(queue.pick(Clock::now(), steady(buckets), 1).batch.size() == 1);
  CHECK(queue.pick(Clock::now(), steady(buckets)).batch.size() == 1);
  CHECK(queue.pick(Clock::now(), steady(buckets), 0).batch.empty());
}

TEST_CASE("a batch is no larger than the earliest deadline in it allows") {
  const std::vector<std::uint32_t> buckets = {1, 2, 4};
  const auto latency = steady(buckets);
  ReadyQueue queue(buckets);
  const auto now = Clock::now();
  queue.add(std::make_shared<ScriptTask>(0, now + 25ms, "tight"));  // two would take 20 ms, four 40
  for (int i = 0; i < 3; ++i) queue.add(std::make_shared<ScriptTask>(0, no_deadline, "free"));
  CHECK(names(queue.pick(now, latency).batch) == std::vector<std::string>{"tight", "free"});
  queue.add(std::make_shared<ScriptTask>(0, now + 12ms, "tighter"));
  CHECK(names(queue.pick(now, latency).batch) == std::vector<std::string>{"tighter"});
}

TEST_CASE("what not even a batch of its own can serve in time is out, and holds up nobody") {
  const std::vector<std::uint32_t> buckets = {1, 2};
  ReadyQueue queue(buckets);
  const auto now = Clock::now();
  queue.add(std::make_shared<ScriptTask>(0, now + 5ms, "late"));
  queue.add(std::make_shared<ScriptTask>(0, now + 1h, "fine"));
  queue.add(std::make_shared<ScriptTask>(0, no_deadline, "free"));
  const auto pick = queue.pick(now, steady(buckets));
  CHECK(names(pick.too_late) == std::vector<std::string>{"late"});
  CHECK(names(pick.batch) == std::vector<std::string>{"fine", "free"});
}

TEST_CASE("a task can be taken out, and counted before") {
  ReadyQueue queue({1});
  const auto a = std::make_shared<ScriptTask>(0, no_deadline, "a");
  const auto b = std::make_shared<ScriptTask>(0, no_deadline, "b");
  queue.add(a);
  queue.add(b);
  CHECK(queue.ahead_of(b->rank()) == 1);
  CHECK(queue.ahead_of(rank_now(1)) == 0);
  CHECK(queue.ahead_of(rank_now()) == 2);
  CHECK(queue.remove(a->rank()) == a);
  CHECK(queue.remove(a->rank()) == nullptr);
  CHECK(queue.size() == 1);
}

}  // namespace
}  // namespace mediscan::schedule
