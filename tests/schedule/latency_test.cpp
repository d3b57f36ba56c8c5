#include "schedule/latency.hpp"

#include <doctest/doctest.h>

namespace mediscan::schedule {
namespace {

using Duration = LatencyModel::Duration;

TEST_CASE("until a bucket has run in service, half of its cold run is what is expected of it") {
  LatencyModel latency({1, 2});
  CHECK(latency.expected(1).count() == 0);
  latency.seed(1, Duration(80));
  CHECK(latency.expected(1).count() == 40);
  latency.observe(1, Duration(50));
  latency.seed(1, Duration(500));  // too late to count
  CHECK(latency.mean(1).count() == 50);
  CHECK(latency.expected(1).count() == doctest::Approx(50 + 2 * 50.0 / 8));
}

TEST_CASE("mean and deviation follow Jacobson's estimator") {
  LatencyModel latency({4});
  latency.observe(4, Duration(100));  // mean 100, deviation 12.5
  latency.observe(4, Duration(140));  // error 40: mean 105, deviation 12.5 + (40 - 12.5) / 4 = 19.375
  CHECK(latency.mean(4).count() == doctest::Approx(105));
  CHECK(latency.expected(4).count() == doctest::Approx(105 + 2 * 19.375));
}

TEST_CASE("it follows a machine that became slower, and one that became faster") {
  LatencyModel latency({1});
  for (int i = 0; i < 20; ++i) latency.observe(1, Duration(10));
  CHECK(latency.expected(1).count() == doctest::Approx(10).epsilon(0.05));
  for (int i = 0; i < 40; ++i) latency.observe(1, Duration(30));
  CHECK(latency.mean(1).count() == doctest::Approx(30).epsilon(0.05));
  for (int i = 0; i < 40; ++i) latency.observe(1, Duration(10));
  CHECK(latency.mean(1).count() == doctest::Approx(10).epsilon(0.1));
}

TEST_CASE("time a picture is that of the largest bucket that is known") {
  LatencyModel latency({1, 2, 4});
  CHECK(latency.per_picture().count() == 0);
  latency.observe(1, Duration(10));
  CHECK(latency.per_picture().count() == 10);
  latency.observe(4, Duration(24));
  CHECK(latency.per_picture().count() == 6);
}

}  // namespace
}  // namespace mediscan::schedule
