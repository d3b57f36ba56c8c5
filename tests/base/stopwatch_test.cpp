// The stopwatch counts milliseconds.
#include "base/stopwatch.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

TEST_CASE("a stopwatch has counted at least the time slept, in milliseconds") {
  const mediscan::base::Stopwatch watch;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double first = watch.ms();
  CHECK(first >= 20.0);
  CHECK(first < 20'000.0);  // seconds or microseconds would be a thousand times off
  CHECK(watch.ms() >= first);
}
