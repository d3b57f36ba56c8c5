// The snapshot: models by name, gauges beside counters, the cache's two tiers.
#include "metrics/metrics.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace mediscan;
using metrics::CacheEvent;
using metrics::CacheTier;

TEST_CASE("a name has one set of counters, however often it is asked for") {
  metrics::Metrics metrics;
  auto& first = metrics.model("skin");
  CHECK(&metrics.model("skin") == &first);
  CHECK(&metrics.model("chest") != &first);
  metrics.model("skin").loaded();
  first.loaded();
  CHECK(metrics.snapshot({}).models.at(1).loads == 2);
}

TEST_CASE("two managers count apart") {
  metrics::Metrics one;
  const metrics::Metrics other;
  one.model("skin").loaded();
  CHECK(other.snapshot({}).models.empty());
}

TEST_CASE("models come by name, with the gauges handed in") {
  metrics::Metrics metrics;
  metrics.model("skin").loaded();
  metrics.model("chest");
  const auto snapshot = metrics.snapshot({{{"skin", 2, 100}, {"skin", 3, 1000}, {"new", 1, 7}}, 55, true});
  REQUIRE(snapshot.models.size() == 3);
  CHECK(snapshot.models[0].model == "chest");
  CHECK(snapshot.models[0].memory_bytes == 0);
  CHECK(snapshot.models[1].model == "new");  // known by its gauges alone
  CHECK(snapshot.models[1].queued == 1);
  CHECK(snapshot.models[2].model == "skin");
  CHECK(snapshot.models[2].loads == 1);
  CHECK(snapshot.models[2].queued == 5);  // while one is swapped for the other, two have the name
  CHECK(snapshot.models[2].memory_bytes == 1100);
  CHECK(snapshot.cache.memory_bytes == 55);
  CHECK(snapshot.cache.redis_open);
  CHECK(snapshot.process.resident_bytes > 0);
}

TEST_CASE("a name that is no UTF-8 is one model in counters and gauges") {
  metrics::Metrics metrics;
  metrics.model("a\xFF").loaded();
  const auto snapshot = metrics.snapshot({{{"a\xFF", 3, 0}}, 0, false});
  REQUIRE(snapshot.models.size() == 1);
  CHECK(snapshot.models[0].model == "a\xEF\xBF\xBD");
  CHECK(snapshot.models[0].loads == 1);
  CHECK(snapshot.models[0].queued == 3);
}

TEST_CASE("each event of each tier of the cache has its number") {
  metrics::Metrics metrics;
  const auto count = [&](CacheTier tier, CacheEvent event, int times) {
    for (int i = 0; i < times; ++i) metrics.cache(tier, event);
  };
  count(CacheTier::memory, CacheEvent::hit, 1);
  count(CacheTier::memory, CacheEvent::miss, 2);
  count(CacheTier::memory, CacheEvent::evicted, 3);
  count(CacheTier::redis, CacheEvent::hit, 4);
  count(CacheTier::redis, CacheEvent::miss, 5);
  count(CacheTier::redis, CacheEvent::error, 6);
  count(CacheTier::redis, CacheEvent::refused, 7);
  count(CacheTier::redis, CacheEvent::skipped, 8);
  count(CacheTier::redis, CacheEvent::dropped, 9);
  const auto cache = metrics.snapshot({}).cache;
  CHECK(cache.memory_hits == 1);
  CHECK(cache.memory_misses == 2);
  CHECK(cache.memory_evictions == 3);
  CHECK(cache.redis_hits == 4);
  CHECK(cache.redis_misses == 5);
  CHECK(cache.redis_errors == 6);
  CHECK(cache.redis_refused == 7);
  CHECK(cache.redis_skipped == 8);
  CHECK(cache.redis_dropped == 9);
  CHECK_FALSE(cache.redis_open);
}

TEST_CASE("an event that a tier does not have changes nothing") {
  metrics::Metrics metrics;
  const auto before = metrics.prometheus({});
  metrics.cache(CacheTier::redis, CacheEvent::evicted);
  metrics.cache(CacheTier::memory, CacheEvent::dropped);
  metrics.cache(static_cast<CacheTier>(7), static_cast<CacheEvent>(70));
  const auto cache_part = [](const std::string& text) {
    const auto begin = text.find("# HELP mediscan_cache");
    return text.substr(begin, text.find("# HELP process") - begin);
  };
  CHECK(cache_part(metrics.prometheus({})) == cache_part(before));
}
