// The cache with a real Redis that is well: what goes there and back, and what is refused of what others put there.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "cache/cache.hpp"
#include "cache/value.hpp"
#include "errors.hpp"
#include "example_results.hpp"
#include "forked.hpp"
#include "redis_server.hpp"

namespace mediscan::cache {
namespace {

using namespace std::chrono_literals;
using test::contains;
using test::RedisServer;

CacheMetrics counted(const metrics::Metrics& metrics) { return metrics.snapshot({}).cache; }

TEST_CASE("results of both kinds go from one process's cache to another's") {
  if (!test::has_redis_server()) return;
  const RedisServer server;
  metrics::Metrics here, there;
  Cache writing(server.options(), base::Log{}, here);
  Cache reading(server.options(), base::Log{}, there);
  CHECK_FALSE(reading.find("s").has_value());
  writing.store("s", test::skin_result());
  writing.store("r", test::radiology_result());
  REQUIRE(writing.flush(20s));
  const auto skin = reading.find("s"), radiology = reading.find("r");
  REQUIRE(skin.has_value());
  REQUIRE(radiology.has_value());
  CHECK(to_json(*skin) == to_json(test::skin_result()));
  CHECK(to_json(*radiology) == to_json(test::radiology_result()));
  CHECK(counted(there).redis_hits == 2);
  CHECK(counted(there).redis_misses == 1);
  CHECK(counted(here).redis_errors == 0);
  CHECK(reading.status().redis);
  CHECK_FALSE(reading.status().redis_open);
}

TEST_CASE("a hit in Redis goes into memory, and is found there the next time") {
  if (!test::has_redis_server()) return;
  const RedisServer server;
  metrics::Metrics metrics;
  CacheOptions options = server.options();
  Cache(options, base::Log{}, metrics).store("other", test::skin_result());
  Cache writing(options, base::Log{}, metrics);
  writing.store("k", test::skin_result());
  REQUIRE(writing.flush(20s));
  options.memory_bytes = 1U << 20U;
  metrics::Metrics own;
  Cache reading(options, base::Log{}, own);
  CHECK(reading.find("k").has_value());
  CHECK(reading.find("k").has_value());
  CHECK(counted(own).redis_hits == 1);
  CHECK(counted(own).memory_hits == 1);
}

TEST_CASE("keys begin with the prefix, values end with their time to live and tell no file's name") {
  if (!test::has_redis_server()) return;
  const RedisServer server;
  metrics::Metrics metrics;
  CacheOptions options = server.options();
  options.redis_prefix = std::string("ward 7:\0", 8);
  options.redis_ttl = 100s;
  Cache cache(options, base::Log{}, metrics);
  Result named = test::skin_result();
  named.input.name = "jane-doe.jpg";
  cache.store("k", named);
  REQUIRE(cache.flush(20s));
  const std::string name = options.redis_prefix + "k";
  const auto value = server.ask({"GET", name});
  REQUIRE(value.kind == RedisReply::Kind::text);
  CHECK_FALSE(contains(value.text, "jane-doe"));
  CHECK(server.ask({"EVAL", "local t=redis.call('PTTL',KEYS[1]) return tostring(t>90000 and t<=100000)", "1", name})
            .text == "true");
}

TEST_CASE("without a secret it works, and the log warns once of what that means") {
  if (!test::has_redis_server()) return;
  const RedisServer server;
  metrics::Metrics metrics;
  const test::Lines lines;
  CacheOptions options = server.options();
  options.hmac_key.clear();
  Cache cache(options, base::Log(lines.callback()), metrics);
  cache.store("k", test::skin_result());
  REQUIRE(cache.flush(20s));
  CHECK(cache.find("k").has_value());
  REQUIRE(lines.warnings().size() == 1);
  CHECK(contains(lines.warnings()[0], "not authenticated"));
}

TEST_CASE("with a secret nothing is said while all is well") {
  if (!test::has_redis_server()) return;
  const RedisServer server;
  metrics::Metrics metrics;
  const test::Lines lines;
  Cache cache(server.options(), base::Log(lines.callback()), metrics);
  cache.store("k", test::skin_result());
  REQUIRE(cache.flush(20s));
  CHECK(cache.find("k").has_value());
  CHECK(lines.text().empty());
}

TEST_CASE("poisoned values are refused, counted and told of once, and the next result takes their place") {
  if (!test::has_redis_server()) return;
  const RedisServer server;
  const CacheOptions options = server.options();
  const ValueSeal ours(options.hmac_key), forger("a secret that is not ours"), open("");
  const std::string good = ours.sealed("k", test::skin_result());
  std::string version = good;
  version[3] = '9';
  const std::vector<std::string> poison{"",
                                        "garbage",
                                        good.substr(0, good.size() / 2),
                                        ours.sealed("another key", test::skin_result()),
                                        forger.sealed("k", test::skin_result()),
                                        open.sealed("k", test::skin_result()),
                                        version,
                                        std::string(most_value_bytes + 1, 'x'),
                                        std::string(8U << 20U, 'x')};
  metrics::Metrics metrics;
  const test::Lines lines;
  Cache cache(options, base::Log(lines.callback()), metrics);
  std::uint64_t refused = 0;
  for (const auto& value : poison) {
    REQUIRE(server.ask({"SET", "mediscan:k", value}).text == "OK");
    CHECK_FALSE(cache.find("k").has_value());
    CHECK(counted(metrics).redis_refused == ++refused);
  }
  REQUIRE(server.ask({"DEL", "mediscan:k"}).kind == RedisReply::Kind::integer);
  REQUIRE(server.ask({"LPUSH", "mediscan:k", "a list"}).kind == RedisReply::Kind::integer);
  CHECK_FALSE(cache.find("k").has_value());  // WRONGTYPE
  CHECK(counted(metrics).redis_errors == 1);
  CHECK_FALSE(cache.status().redis_open);
  CHECK(lines.warnings().size() == 2);  // one of values, one of the command
  cache.store("k", test::skin_result());
  REQUIRE(cache.flush(20s));
  CHECK(cache.find("k").has_value());
}

TEST_CASE("many threads at once get what they stored, over at most eight connections and the writer's") {
  if (!test::has_redis_server()) return;
  const RedisServer server;
  metrics::Metrics metrics;
  CacheOptions options = server.options();
  options.connect_timeout = options.operation_timeout = 10s;
  Cache cache(options, base::Log{}, metrics);
  constexpr int threads = 16, rounds = 20;
  for (int i = 0; i < threads; ++i) cache.store("k" + std::to_string(i), test::skin_result(i));
  REQUIRE(cache.flush(20s));
  std::atomic<int> wrong{0};
  std::vector<std::thread> running;
  for (int thread = 0; thread < threads; ++thread) {
    running.emplace_back([&, thread] {
      for (int round = 0; round < rounds; ++round) {
        const int which = (thread + round) % threads;
        const auto found = cache.find("k" + std::to_string(which));
        if (!found || to_json(*found) != to_json(test::skin_result(which))) ++wrong;
        cache.store("k" + std::to_string(which), test::skin_result(which));
      }
    });
  }
  for (auto& thread : running) thread.join();
  CHECK(wrong == 0);
  CHECK(cache.flush(20s));
  CHECK(counted(metrics).redis_hits == threads * rounds);
  CHECK(counted(metrics).redis_errors == 0);
  const std::string clients = server.ask({"INFO", "stats"}).text;
  const auto at = clients.find("total_connections_received:");
  REQUIRE(at != std::string::npos);
  // Eight, the test's own to see that it started (a few tries may reach it) and the one that asks now.
  CHECK(std::stoi(clients.substr(at + 27)) <= 12);
}

TEST_CASE("a child made by fork() leaves the parent's connections and thread alone") {
  if (!test::has_redis_server()) return;
  const RedisServer server;
  metrics::Metrics metrics;
  auto cache = std::make_unique<Cache>(server.options(), base::Log{}, metrics);
  cache->store("k", test::skin_result());
  REQUIRE(cache->flush(20s));
  REQUIRE(cache->find("k").has_value());
  const int code = test::exit_code_of_child([&] {
    const bool idle = !cache->enabled() && !cache->find("k").has_value() && cache->flush(0ms);
    cache->store("l", test::skin_result());
    cache.reset();
    return idle ? 0 : 2;
  });
  CHECK(code == 0);
  CHECK(cache->find("k").has_value());
  CHECK_FALSE(cache->find("l").has_value());
  CHECK(counted(metrics).redis_errors == 0);
}

TEST_CASE("a host's name is looked up in the background, and found") {
  if (!test::has_redis_server()) return;
  const int port = test::free_port();
  const RedisServer server({}, port);
  metrics::Metrics metrics;
  CacheOptions options = server.options();
  options.redis = "redis://localhost:" + std::to_string(port);
  Cache cache(options, base::Log{}, metrics);
  cache.store("k", test::skin_result());
  REQUIRE(cache.flush(20s));
  CHECK(cache.find("k").has_value());
}

}  // namespace
}  // namespace mediscan::cache
