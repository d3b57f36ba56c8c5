#include "cache/circuit_breaker.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace mediscan::cache {
namespace {

using namespace std::chrono_literals;
using Change = CircuitBreaker::Change;

const CircuitBreaker::Clock::time_point start{100s};

/// Fails as often as it takes, and says when it opened.
void open(CircuitBreaker& breaker) {
  for (int i = 0; i < CircuitBreaker::failures_to_open; ++i) breaker.failed(*breaker.permit(start), start);
}

TEST_CASE("three failures in a row open it, and a success between them starts the count anew") {
  CircuitBreaker breaker;
  CHECK(breaker.failed(*breaker.permit(start), start) == Change::none);
  CHECK(breaker.failed(*breaker.permit(start), start) == Change::none);
  CHECK(breaker.succeeded(*breaker.permit(start)) == Change::none);
  CHECK(breaker.failed(*breaker.permit(start), start) == Change::none);
  CHECK(breaker.failed(*breaker.permit(start), start) == Change::none);
  CHECK_FALSE(breaker.open());
  CHECK(breaker.failed(*breaker.permit(start), start) == Change::opened);
  CHECK(breaker.open());
  CHECK_FALSE(breaker.permit(start).has_value());
}

TEST_CASE("after a second exactly one may try, and its success closes it") {
  CircuitBreaker breaker;
  open(breaker);
  CHECK_FALSE(breaker.permit(start + 999ms).has_value());
  CHECK(breaker.waiting(start + 999ms));
  CHECK_FALSE(breaker.waiting(start + 1s));
  const auto permit = breaker.permit(start + 1s);
  REQUIRE(permit.has_value());
  CHECK_FALSE(breaker.permit(start + 1s).has_value());
  CHECK_FALSE(breaker.permit(start + 1h).has_value());
  CHECK(breaker.open());
  CHECK(breaker.succeeded(*permit) == Change::closed);
  CHECK_FALSE(breaker.open());
  CHECK(breaker.permit(start + 1s).has_value());
}

TEST_CASE("each failed try doubles the pause up to half a minute, and closing makes it a second again") {
  CircuitBreaker breaker;
  open(breaker);
  auto now = start;
  for (const auto pause : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    CHECK_FALSE(breaker.permit(now + pause - 1ms).has_value());
    now += pause;
    const auto permit = breaker.permit(now);
    REQUIRE(permit.has_value());
    CHECK(breaker.failed(*permit, now) == Change::none);
  }
  now += 30s;
  CHECK(breaker.succeeded(*breaker.permit(now)) == Change::closed);
  for (int i = 0; i < 3; ++i) breaker.failed(*breaker.permit(now), now);
  CHECK_FALSE(breaker.permit(now + 999ms).has_value());
  CHECK(breaker.permit(now + 1s).has_value());
}

TEST_CASE("what was asked before it opened says nothing about it afterwards") {
  CircuitBreaker breaker;
  const auto late = *breaker.permit(start);
  open(breaker);
  CHECK(breaker.failed(late, start + 500ms) == Change::none);
  CHECK(breaker.succeeded(late) == Change::none);
  CHECK(breaker.open());
  CHECK(breaker.permit(start + 1s).has_value());  // the late failure did not make the pause longer
}

TEST_CASE("a try that came to nothing leaves the next one to another") {
  CircuitBreaker breaker;
  open(breaker);
  breaker.withdrawn(*breaker.permit(start + 1s));
  CHECK(breaker.open());
  CHECK(breaker.permit(start + 1s).has_value());
}

TEST_CASE("of many threads exactly one may try") {
  CircuitBreaker breaker;
  open(breaker);
  std::atomic<int> permits{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n) permits += breaker.permit(start + 1s).has_value() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(permits == 1);
}

}  // namespace
}  // namespace mediscan::cache
