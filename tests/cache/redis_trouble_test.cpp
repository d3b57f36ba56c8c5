// The cache with a Redis that is absent, silent, full, locked, killed: no look-up throws, none takes longer than the
// two time-outs, and when the server is back so is the cache.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "cache/cache.hpp"
#include "errors.hpp"
#include "example_results.hpp"
#include "redis_server.hpp"

namespace mediscan::cache {
namespace {

using namespace std::chrono_literals;
using test::contains;
using test::RedisServer;
using Clock = std::chrono::steady_clock;

/// What the scheduler of a busy machine may add.
constexpr auto slack = 1s;

CacheMetrics counted(const metrics::Metrics& metrics) { return metrics.snapshot({}).cache; }

CacheOptions pointing_at(const std::string& redis) {
  CacheOptions options;
  options.redis = redis;
  options.hmac_key = "sixteen bytes or more";
  return options;
}

/// Looks up once and returns how long that took.
Clock::duration time_to_miss(Cache& cache) {
  const auto start = Clock::now();
  CHECK_FALSE(cache.find("k").has_value());
  return Clock::now() - start;
}

TEST_CASE("a server that is not there costs nearly nothing, and is asked three times, not more") {
  metrics::Metrics metrics;
  const test::Lines lines;
  Cache cache(pointing_at("unix:/nonexistent/redis.sock"), base::Log(lines.callback()), metrics);
  for (int i = 0; i < 100; ++i) CHECK(time_to_miss(cache) < slack);
  const auto start = Clock::now();
  for (int i = 0; i < 100; ++i) cache.store("k", test::skin_result());
  CHECK(Clock::now() - start < slack);
  CHECK(cache.flush(20s));
  CHECK(counted(metrics).redis_errors == 3);
  CHECK(counted(metrics).redis_skipped == 197);
  CHECK(cache.status().redis_open);
  REQUIRE(lines.warnings().size() == 1);
  CHECK(contains(lines.warnings()[0], "unix:/nonexistent/redis.sock"));
  CHECK(contains(lines.warnings()[0], "No such file"));
}

TEST_CASE("a port where no one listens is told as refused") {
  metrics::Metrics metrics;
  const test::Lines lines;
  Cache cache(pointing_at("redis://:hush@127.0.0.1:" + std::to_string(test::free_port())), base::Log(lines.callback()),
              metrics);
  for (int i = 0; i < 3; ++i) CHECK(time_to_miss(cache) < 70ms + slack);
  CHECK(contains(lines.text(), "Connection refused"));
  CHECK_FALSE(contains(lines.text(), "hush"));
}

TEST_CASE("a server that accepts and never answers costs the time-outs three times, then nothing") {
  const test::StandIn silent;
  metrics::Metrics metrics;
  Cache cache(pointing_at(silent.redis()), base::Log{}, metrics);
  for (int i = 0; i < 3; ++i) {
    const auto took = time_to_miss(cache);
    CHECK(took >= 20ms);  // operation_timeout
    CHECK(took < 70ms + slack);
  }
  const auto start = Clock::now();
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(cache.find("k").has_value());
  CHECK(Clock::now() - start < 500ms);  // 1000 x 20 ms if it had asked
  CHECK(counted(metrics).redis_errors == 3);
  CHECK(counted(metrics).redis_skipped == 1000);
}

TEST_CASE("no look-up of many threads takes longer than the time-outs, whatever the server does") {
  const test::StandIn silent;
  metrics::Metrics metrics;
  CacheOptions options = pointing_at(silent.redis());
  options.connect_timeout = 100ms;
  options.operation_timeout = 100ms;
  Cache cache(options, base::Log{}, metrics);
  std::atomic<Clock::rep> longest{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 24; ++thread) {  // three times as many as there are connections
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const auto start = Clock::now();
        (void)cache.find("k");
        const auto took = (Clock::now() - start).count();
        auto seen = longest.load();
        while (took > seen && !longest.compare_exchange_weak(seen, took)) {
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(Clock::duration(longest) < 200ms + slack);
}

TEST_CASE("a server killed in the middle and started again is left alone, then used again") {
  if (!test::has_redis_server()) return;
  RedisServer server;
  metrics::Metrics metrics;
  const test::Lines lines;
  Cache cache(server.options(), base::Log(lines.callback()), metrics);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> load;
  for (int thread = 0; thread < 4; ++thread) {
    load.emplace_back([&, thread] {
      for (int i = 0; !stop; ++i) {
        const int which = (i + thread) % 5;
        const std::string key = "k" + std::to_string(which);
        const auto found = cache.find(key);
        if (found && to_json(*found) != to_json(test::skin_result(which))) ++wrong;
        if (!found) cache.store(key, test::skin_result(which));
        std::this_thread::sleep_for(1ms);
      }
    });
  }
  const auto wait_for = [&](auto condition) {
    const auto until = Clock::now() + 30s;
    while (!condition() && Clock::now() < until) std::this_thread::sleep_for(1ms);
    return condition();
  };
  CHECK(wait_for([&] { return counted(metrics).redis_hits > 20; }));
  server.kill();
  CHECK(wait_for([&] { return cache.status().redis_open; }));
  CHECK(wait_for([&] { return counted(metrics).redis_skipped > 20; }));
  server.start();
  CHECK(wait_for([&] { return !cache.status().redis_open; }));
  const auto hits = counted(metrics).redis_hits;
  CHECK(wait_for([&] { return counted(metrics).redis_hits > hits + 20; }));
  stop = true;
  for (auto& thread : load) thread.join();
  CHECK(wrong == 0);
  const auto said = lines.warnings();
  REQUIRE(said.size() == 2);
  CHECK(contains(said[0], "left alone"));
  CHECK(contains(said[1], "answers again"));
}

TEST_CASE("a restart between two look-ups costs no error: closed connections are seen before they are used") {
  if (!test::has_redis_server()) return;
  RedisServer server;
  metrics::Metrics metrics;
  Cache cache(server.options(), base::Log{}, metrics);
  CHECK_FALSE(cache.find("k").has_value());
  server.kill();
  server.start();
  CHECK_FALSE(cache.find("k").has_value());
  CHECK(counted(metrics).redis_misses == 2);
  CHECK(counted(metrics).redis_errors == 0);
}

TEST_CASE("a full server keeps nothing more, and look-ups go on") {
  if (!test::has_redis_server()) return;
  const RedisServer server({"--maxmemory-policy", "noeviction"});
  metrics::Metrics metrics;
  const test::Lines lines;
  Cache cache(server.options(), base::Log(lines.callback()), metrics);
  cache.store("k", test::skin_result());
  REQUIRE(cache.flush(20s));
  REQUIRE(server.ask({"CONFIG", "SET", "maxmemory", "1"}).text == "OK");  // less than it holds already
  for (int i = 0; i < 10; ++i) cache.store("more" + std::to_string(i), test::skin_result());
  REQUIRE(cache.flush(20s));
  CHECK(counted(metrics).redis_errors == 10);
  CHECK_FALSE(cache.status().redis_open);
  CHECK(cache.find("k").has_value());
  REQUIRE(lines.warnings().size() == 1);
  CHECK(contains(lines.warnings()[0], "(OOM)"));
}

TEST_CASE("a paused server costs the time-outs, and is used again when it goes on") {
  if (!test::has_redis_server()) return;
  const RedisServer server;
  metrics::Metrics metrics;
  CacheOptions options = server.options();
  options.connect_timeout = 50ms;
  options.operation_timeout = 20ms;
  Cache cache(options, base::Log{}, metrics);
  REQUIRE(server.ask({"CLIENT", "PAUSE", "500", "ALL"}).text == "OK");
  for (int i = 0; i < 3; ++i) CHECK(time_to_miss(cache) < 70ms + slack);
  CHECK(cache.status().redis_open);
  const auto until = Clock::now() + 30s;
  while (cache.status().redis_open && Clock::now() < until) {
    (void)cache.find("k");
    std::this_thread::sleep_for(10ms);
  }
  CHECK_FALSE(cache.status().redis_open);
}

TEST_CASE("a wrong password is told without it, and nothing fails") {
  if (!test::has_redis_server()) return;
  const int port = test::free_port();
  const RedisServer server({"--requirepass", "s3cret"}, port);
  metrics::Metrics metrics;
  const test::Lines lines;
  CacheOptions options = server.options();
  options.redis = "redis://:wr0ng@127.0.0.1:" + std::to_string(port);
  Cache cache(options, base::Log(lines.callback()), metrics);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(cache.find("k").has_value());
  CHECK(counted(metrics).redis_errors == 3);
  CHECK(cache.status().redis_open);
  CHECK(contains(lines.text(), "WRONGPASS"));
  CHECK_FALSE(contains(lines.text(), "wr0ng"));
}

TEST_CASE("a writer that cannot keep up drops what is too much, and storing never waits") {
  const test::StandIn silent;
  metrics::Metrics metrics;
  CacheOptions options = pointing_at(silent.redis());
  options.operation_timeout = 1s;  // holds the writer
  Cache cache(options, base::Log{}, metrics);
  Clock::duration longest{};
  for (int i = 0; i < 3000; ++i) {
    const auto start = Clock::now();
    cache.store("k", test::skin_result());
    longest = std::max(longest, Clock::now() - start);
  }
  CHECK(longest < slack);
  CHECK(counted(metrics).redis_dropped >= 3000 - 1024 - 1);  // those waiting and the one held
  CHECK(counted(metrics).redis_dropped < 3000);
}

}  // namespace
}  // namespace mediscan::cache
