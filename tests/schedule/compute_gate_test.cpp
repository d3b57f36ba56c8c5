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

TEST_CASE("a lane of one thread waits for nobody") {
  const auto other = enter_compute(2);
  CHECK(other.owns_lock());
  const auto own = enter_compute(1);  // would deadlock if it took the turn
  CHECK_FALSE(own.owns_lock());
}

}  // namespace
}  // namespace mediscan::schedule
