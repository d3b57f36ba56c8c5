// The cache without a Redis: what is kept, what is refused as an option, and a child made by fork().
#include "cache/cache.hpp"

#include <doctest/doctest.h>

#include <string>

#include "cache/memory_lru.hpp"
#include "errors.hpp"
#include "example_results.hpp"
#include "forked.hpp"

namespace mediscan::cache {
namespace {

using namespace std::chrono_literals;
using test::contains;

CacheOptions memory_only(std::uint64_t bytes = 1U << 20U) {
  CacheOptions options;
  options.memory_bytes = bytes;
  return options;
}

TEST_CASE("nothing is cached unless it is asked for") {
  metrics::Metrics metrics;
  Cache cache(CacheOptions{}, base::Log{}, metrics);
  CHECK_FALSE(cache.enabled());
  cache.store("k", test::skin_result());
  CHECK_FALSE(cache.find("k").has_value());
  CHECK(cache.flush(0ms));
  const auto counted = metrics.snapshot({}).cache;
  CHECK(counted.memory_misses == 0);
  CHECK(counted.redis_misses == 0);
}

TEST_CASE("what was stored is found as it was but for the file's name") {
  metrics::Metrics metrics;
  Cache cache(memory_only(), base::Log{}, metrics);
  CHECK(cache.enabled());
  Result named = test::radiology_result();
  named.input.name = "jane-doe.png";
  CHECK_FALSE(cache.find("k").has_value());
  cache.store("k", named);
  const auto found = cache.find("k");
  REQUIRE(found.has_value());
  CHECK(to_json(*found) == to_json(test::radiology_result()));
  CHECK(cache.status().memory_entries == 1);
  CHECK(cache.status().memory_bytes > sizeof(Result));
  CHECK_FALSE(cache.status().redis);
  const auto counted = metrics.snapshot({}).cache;
  CHECK(counted.memory_hits == 1);
  CHECK(counted.memory_misses == 1);
}

TEST_CASE("what leaves for others is counted") {
  metrics::Metrics metrics;
  Cache cache(memory_only(2 * MemoryLru::entry_bytes("a", test::skin_result())), base::Log{}, metrics);
  for (const char* key : {"a", "b", "c"}) cache.store(key, test::skin_result());
  CHECK_FALSE(cache.find("a").has_value());
  CHECK(cache.find("c").has_value());
  CHECK(metrics.snapshot({}).cache.memory_evictions == 1);
}

TEST_CASE("options that cannot be meant are refused by name, and no message holds the secret") {
  const auto refusal = [](auto change) {
    CacheOptions options;
    change(options);
    metrics::Metrics metrics;
    const Error error = test::error_of([&] { const Cache cache(options, base::Log{}, metrics); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK_FALSE(contains(error.message() + error.hint(), "hush"));
    return error.message();
  };
  CHECK(contains(refusal([](auto& o) { o.hmac_key = "hush"; }), "cache.hmac_key has 4 bytes"));
  CHECK(contains(refusal([](auto& o) { o.hmac_key = std::string(5000, 'x'); }), "cache.hmac_key is longer"));
  CHECK(contains(refusal([](auto& o) { o.redis_prefix = std::string(257, 'x'); }), "cache.redis_prefix"));
  CHECK(contains(refusal([](auto& o) { o.redis_ttl = 0s; }), "cache.redis_ttl is 0 s"));
  CHECK(contains(refusal([](auto& o) { o.redis_ttl = std::chrono::hours(24 * 366); }), "cache.redis_ttl"));
  CHECK(contains(refusal([](auto& o) { o.connect_timeout = 0ms; }), "cache.connect_timeout is 0 ms"));
  CHECK(contains(refusal([](auto& o) { o.connect_timeout = 10'001ms; }), "cache.connect_timeout"));
  CHECK(contains(refusal([](auto& o) { o.operation_timeout = -1ms; }), "cache.operation_timeout is -1 ms"));
}

TEST_CASE("in a child made by fork() nothing is found, stored or waited for, and its end is quiet") {
  metrics::Metrics metrics;
  auto cache = std::make_unique<Cache>(memory_only(), base::Log{}, metrics);
  cache->store("k", test::skin_result());
  const int code = test::exit_code_of_child([&] {
    const bool idle = !cache->enabled() && !cache->find("k").has_value() && cache->flush(0ms);
    cache->store("l", test::skin_result());
    const bool empty = cache->status().memory_entries == 0;
    cache.reset();
    return idle && empty ? 0 : 2;
  });
  CHECK(code == 0);
  CHECK(cache->find("k").has_value());
  CHECK(cache->status().memory_entries == 1);
}

}  // namespace
}  // namespace mediscan::cache
