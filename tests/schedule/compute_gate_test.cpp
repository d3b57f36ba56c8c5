#include "schedule/compute_gate.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace mediscan::schedule {
namespace {

TEST_CASE("lanes of several threads take turns") {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::thread> lanes;
  for (int i = 0; i < 4; ++i) {
    lanes.emplace_back([&] {
      for (int turn = 0; turn < 200; ++turn) {
        const auto guard = enter_compute(2);
        const int now = ++inside;
        if (now > most) most = now;
        --inside;
      }
    });
  }
  for (auto& lane : lanes) lane.join();
  CHECK(most == 1);
}

TEST_CASE("turns that fit in the budget together are taken together, and one that does not fit waits") {
  auto first = enter_compute(2, 4);
  auto second = enter_compute(2, 4);  // would deadlock if turns were one at a time
  std::atomic<bool> third_in{false};
  std::thread third([&] {
    const auto turn = enter_compute(2, 4);
    third_in = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_FALSE(third_in);
  second = ComputeTurn{};
  third.join();
  CHECK(third_in);
  std::atomic<bool> wide_in{false};
  std::thread wide([&] {
    const auto turn = enter_compute(4, 4);
    wide_in = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_FALSE(wide_in);  // the first still holds two of the four
  first = ComputeTurn{};
  wide.join();
  CHECK(wide_in);
}

TEST_CASE("who needs more than the budget has its turn when nobody else has one") {
  const auto turn = enter_compute(8, 4);
  CHECK(turn.number() != 0);
}

TEST_CASE("a lane of one thread waits for nobody") {
  const auto other = enter_compute(2);
  CHECK(other.number() != 0);
  const auto own = enter_compute(1);  // would deadlock if it took the turn
  CHECK(own.number() == 0);
}

TEST_CASE("turns are taken in the order in which they were asked for") {
  std::vector<int> order;  // unguarded on purpose: whoever has the turn is alone
  std::vector<std::thread> lanes;
  {
    const auto first = enter_compute(2);
    for (int i = 0; i < 4; ++i) {
      lanes.emplace_back([&, i] {
        const auto turn = enter_compute(2);
        order.push_back(i);
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // until it stands in line
    }
  }
  for (auto& lane : lanes) lane.join();
  CHECK(order == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("a turn that is revoked goes to the next, and giving it back later takes nobody's") {
  auto hung = enter_compute(2);
  revoke_compute(hung.number());
  const auto next = enter_compute(2);  // would deadlock otherwise
  CHECK(next.number() != hung.number());
  hung = ComputeTurn{};
  bool taken = false;
  std::thread third([&] {
    const auto turn = enter_compute(2);
    taken = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_FALSE(taken);
  revoke_compute(next.number());
  third.join();
  CHECK(taken);
}

}  // namespace
}  // namespace mediscan::schedule
