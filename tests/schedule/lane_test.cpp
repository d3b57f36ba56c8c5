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

namespace mediscan::schedule {
namespace {

TEST_CASE("every task runs on the lane's one thread, which is not the caller's") {
  Lane lane("test");
  std::thread::id first;
  std::thread::id second;
  lane.run([&] { first = std::this_thread::get_id(); });
  std::thread([&] { lane.run([&] { second = std::this_thread::get_id(); }); }).join();
  CHECK(first == second);
  CHECK(first != std::this_thread::get_id());
}

TEST_CASE("what a task throws reaches its caller, and the lane goes on") {
  Lane lane("test");
  CHECK_THROWS_WITH_AS(lane.run([] { throw std::runtime_error("no luck"); }), "no luck", std::runtime_error);
  bool ran = false;
  lane.run([&] { ran = true; });
  CHECK(ran);
}

TEST_CASE("tasks of many threads run one at a time and exactly once") {
  Lane lane("test");
  int sum = 0;  // unguarded on purpose: the lane is the only one to touch it
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int k = 0; k < 500; ++k) lane.run([&] { ++sum; });
    });
  }
  for (auto& caller : callers) caller.join();
  CHECK(sum == 8 * 500);
}

TEST_CASE("closing lets the running task end, runs the last task on the lane, then refuses work") {
  Lane lane("model x");
  std::promise<void> started;
  std::atomic<bool> ended{false};
  std::thread::id lane_thread;
  std::thread caller([&] {
    lane.run([&] {
      lane_thread = std::this_thread::get_id();
      started.set_value();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      ended = true;
    });
  });
  started.get_future().wait();
  std::thread::id last_thread;
  bool ended_before_last = false;
  lane.close([&] {
    last_thread = std::this_thread::get_id();
    ended_before_last = ended;
  });
  caller.join();
  CHECK(ended_before_last);
  CHECK(last_thread == lane_thread);
  const Error error = test::error_of([&] { lane.run([] {}); });
  CHECK(error.code() == ErrorCode::not_ready);
  CHECK(test::contains(error.message(), "model x"));
}

TEST_CASE("closing twice, from several threads, is one closing") {
  Lane lane("test");
  std::atomic<int> last{0};
  std::vector<std::thread> closers;
  for (int i = 0; i < 4; ++i) closers.emplace_back([&] { lane.close([&] { ++last; }); });
  for (auto& closer : closers) closer.join();
  CHECK(last == 1);
}

TEST_CASE("closing while many callers push either runs or refuses each task, never loses one") {
  for (int round = 0; round < 20; ++round) {
    Lane lane("test");
    std::atomic<int> ran{0};
    std::atomic<int> refused{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&] {
        for (int k = 0; k < 50; ++k) {
          try {
            lane.run([&] { ++ran; });
          } catch (const Error&) {
            ++refused;
          }
        }
      });
    }
    lane.close();
    for (auto& caller : callers) caller.join();
    CHECK(ran + refused == 4 * 50);
  }
}

TEST_CASE("in a child made by fork() a lane refuses work and lets itself be destroyed") {
  auto lane = std::make_unique<Lane>("model x");
  lane->run([] {});
  const int code = test::exit_code_of_child([&] {
    const Error error = test::error_of([&] { lane->run([] {}); });
    lane->close();
    lane.reset();
    return error.code() == ErrorCode::forked && test::contains(error.message(), "model x") ? 0 : 2;
  });
  CHECK(code == 0);
  bool ran = false;
  lane->run([&] { ran = true; });
  CHECK(ran);
}

}  // namespace
}  // namespace mediscan::schedule
