// A library without hiredis says so when a Redis is asked for.
#include <doctest/doctest.h>

#include "cache/cache.hpp"
#include "errors.hpp"

TEST_CASE("a Redis is UNSUPPORTED, and how to get one is told") {
  mediscan::CacheOptions options;
  options.redis = "redis://localhost";
  mediscan::metrics::Metrics metrics;
  const auto error =
      mediscan::test::error_of([&] { const mediscan::cache::Cache cache(options, mediscan::base::Log{}, metrics); });
  CHECK(error.code() == mediscan::ErrorCode::unsupported);
  CHECK(mediscan::test::contains(error.hint(), "MEDISCAN_WITH_REDIS"));
}
