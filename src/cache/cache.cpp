// The two tiers, one after the other, and what must be right about the options before there is either.
#include "cache/cache.hpp"

#include <fmt/format.h>

#include <mediscan/error.hpp>
#include <utility>

#include "base/home_process.hpp"
#include "cache/memory_lru.hpp"
#include "cache/redis_tier.hpp"

namespace mediscan::cache {
namespace {

using metrics::CacheEvent;
using metrics::CacheTier;
using std::chrono::milliseconds;
using std::chrono::seconds;

void require(bool right, std::string_view what, std::string_view hint) {
  if (!right) throw Error(ErrorCode::invalid_argument, Stage::argument, std::string(what), std::string(hint));
}

void check(const CacheOptions& options) {
  constexpr std::size_t least_secret = 16, most_secret = 4096, most_prefix = 256;
  constexpr milliseconds longest_wait{10'000};
  constexpr seconds longest_life{365 * 86'400};
  const auto bounded = [&](milliseconds wait) { return wait >= milliseconds{1} && wait <= longest_wait; };
  require(options.hmac_key.empty() || options.hmac_key.size() >= least_secret,
          fmt::format("cache.hmac_key has {} bytes, and is only safe with {} or more", options.hmac_key.size(),
                      least_secret),
          "take 32 random bytes, e.g. of `openssl rand -hex 32`, the same in every process that shares the Redis");
  require(options.hmac_key.size() <= most_secret, fmt::format("cache.hmac_key is longer than {} bytes", most_secret),
          "take 32 random bytes, e.g. of `openssl rand -hex 32`");
  require(options.redis_prefix.size() <= most_prefix,
          fmt::format("cache.redis_prefix is longer than {} bytes", most_prefix), "every key there begins with it");
  require(options.redis_ttl >= seconds{1} && options.redis_ttl <= longest_life,
          fmt::format("cache.redis_ttl is {} s, not from 1 s to 365 days", options.redis_ttl.count()), "");
  require(bounded(options.connect_timeout),
          fmt::format("cache.connect_timeout is {} ms, not from 1 ms to 10 s", options.connect_timeout.count()),
          "an analysis waits that long for a Redis that does not answer");
  require(bounded(options.operation_timeout),
          fmt::format("cache.operation_timeout is {} ms, not from 1 ms to 10 s", options.operation_timeout.count()),
          "an analysis waits that long for a Redis that does not answer");
}

}  // namespace

struct Cache::Impl {
  explicit Impl(metrics::Metrics& metrics_) : counters(metrics_) {}

  void keep(const std::string& key, const SharedResult& result) {
    const std::size_t left = memory->store(key, result);
    for (std::size_t i = 0; i < left; ++i) counters.cache(CacheTier::memory, CacheEvent::evicted);
  }

  SharedResult find(const std::string& key) {
    if (memory) {
      SharedResult found = memory->find(key);
      counters.cache(CacheTier::memory, found ? CacheEvent::hit : CacheEvent::miss);
      if (found) return found;
    }
    SharedResult found = redis ? redis->find(key) : nullptr;
    if (found && memory) keep(key, found);
    return found;
  }

  base::HomeProcess home;
  metrics::Metrics& counters;
  std::optional<MemoryLru> memory;
  std::optional<RedisTier> redis;
};

Cache::Cache(const CacheOptions& options, base::Log log, metrics::Metrics& counters) {
  check(options);
  impl_ = std::make_unique<Impl>(counters);
  if (options.memory_bytes > 0) impl_->memory.emplace(options.memory_bytes);
  if (!options.redis.empty()) impl_->redis.emplace(options, std::move(log), counters);
}

Cache::~Cache() {
  // In a child made by fork() the thread is not there to be joined, and locks may be held by threads that are not.
  if (!impl_->home.is_here()) (void)impl_.release();  // NOLINT(bugprone-unused-return-value): left behind on purpose
}

bool Cache::enabled() const noexcept { return (impl_->memory || impl_->redis) && impl_->home.is_here(); }

std::optional<Result> Cache::find(const std::string& key) noexcept {
  if (!enabled()) return std::nullopt;
  try {
    const SharedResult found = impl_->find(key);
    return found ? std::optional<Result>(*found) : std::nullopt;
  } catch (const std::exception&) {  // no memory: then it is not found
    return std::nullopt;
  }
}

void Cache::store(const std::string& key, const Result& result) noexcept {
  if (!enabled()) return;
  try {
    auto copy = std::make_shared<Result>(result);
    copy->input.name.clear();  // the next picture of this content has its own, and names may tell of people
    const SharedResult shared = std::move(copy);
    if (impl_->memory) impl_->keep(key, shared);
    if (impl_->redis) impl_->redis->store(key, shared);
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): no memory: then it is not kept
  }
}

bool Cache::flush(std::chrono::milliseconds timeout) noexcept {
  return !enabled() || !impl_->redis || impl_->redis->flush(timeout);
}

Status Cache::status() const noexcept {
  Status status;
  status.redis = impl_->redis.has_value();
  if (!impl_->home.is_here()) return status;
  if (impl_->memory) {
    status.memory_bytes = impl_->memory->bytes();
    status.memory_entries = impl_->memory->entries();
  }
  status.redis_open = impl_->redis && impl_->redis->open();
  return status;
}

}  // namespace mediscan::cache
