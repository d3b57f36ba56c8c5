#include "schedule/task.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "script_task.hpp"

namespace mediscan::schedule {
namespace {

TEST_CASE("however many end a task at once, it ends once") {
  for (int round = 0; round < 200; ++round) {
    ScriptTask task;
    std::atomic<int> winners{0};
    std::vector<std::thread> enders;
    for (int i = 0; i < 4; ++i) {
      enders.emplace_back([&, i] {
        const float logit = 1;
        if (i == 0) {
          task.take({&logit, 1}, {1, Clock::now(), 0});
        } else if (task.fail(Error(ErrorCode::cancelled, Stage::schedule, "enough"))) {
          ++winners;
        }
      });
    }
    for (auto& ender : enders) ender.join();
    CHECK(task.ends == 1);
    CHECK(winners <= 1);
  }
}

TEST_CASE("arrivals are numbered, so that no two ranks are equal") {
  const Rank first = rank_now();
  const Rank second = rank_now();
  CHECK(first < second);
  CHECK(rank_now(1) < first);
  CHECK(rank_now(0, Clock::now()) < first);
  CHECK(first < rank_now(-1, Clock::now()));
}

}  // namespace
}  // namespace mediscan::schedule
