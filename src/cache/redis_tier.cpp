#include "cache/redis_tier.hpp"

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "cache/circuit_breaker.hpp"
#include "cache/connection_pool.hpp"
#include "cache/redis_failure.hpp"
#include "cache/redis_notices.hpp"
#include "cache/value.hpp"
#include "cache/write_queue.hpp"

namespace mediscan::cache {

using metrics::CacheEvent;
using Clock = CircuitBreaker::Clock;

struct RedisTier::Impl {
  Impl(const CacheOptions& options, base::Log log, metrics::Metrics& metrics_, const RedisAddress& address)
      : counters(metrics_),
        prefix(options.redis_prefix),
        lifetime_ms(std::to_string(std::chrono::milliseconds(options.redis_ttl).count())),
        seal(options.hmac_key),
        notices(std::move(log), address.described()),
        pool(address, options.connect_timeout, options.operation_timeout),
        queue([this] { look_up(); }, [this](const WriteQueue::Write& write) { this->write(write); }) {
    if (options.hmac_key.empty()) notices.unauthenticated();
  }

  void count(CacheEvent event) noexcept { counters.cache(metrics::CacheTier::redis, event); }

  /// Asks if the breaker lets us. Nothing when there was no answer worth reading; that is counted here.
  std::optional<RedisReply> ask(std::span<const std::string_view> words);
  void failed(CircuitBreaker::Permit permit, std::string_view why);
  void well(CircuitBreaker::Permit permit);
  void refuse_value();

  SharedResult find(const std::string& key);
  void write(const WriteQueue::Write& write) noexcept;
  void look_up() noexcept;

  metrics::Metrics& counters;
  const std::string prefix;
  const std::string lifetime_ms;
  const ValueSeal seal;
  RedisNotices notices;
  CircuitBreaker breaker;
  ConnectionPool pool;
  WriteQueue queue;  ///< last: its thread uses all the others
};

void RedisTier::Impl::failed(CircuitBreaker::Permit permit, std::string_view why) {
  const auto change = breaker.failed(permit, Clock::now());
  count(CacheEvent::error);
  if (change == CircuitBreaker::Change::opened) notices.gone(why);
}

void RedisTier::Impl::well(CircuitBreaker::Permit permit) {
  if (breaker.succeeded(permit) == CircuitBreaker::Change::closed) notices.back();
}

void RedisTier::Impl::refuse_value() {
  count(CacheEvent::refused);
  notices.value_refused();
}

std::optional<RedisReply> RedisTier::Impl::ask(std::span<const std::string_view> words) {
  const auto permit = breaker.permit(Clock::now());
  if (!permit) {
    count(CacheEvent::skipped);
    return std::nullopt;
  }
  try {
    RedisReply reply = pool.ask(words);
    well(*permit);
    if (reply.kind != RedisReply::Kind::error) return reply;
    count(CacheEvent::error);  // full, read-only, loading: it does answer, so the breaker is not for it
    notices.command_refused(reply.error_code());
  } catch (const RedisFailure& failure) {
    switch (failure.kind()) {
      case RedisFailure::Kind::broken:
        failed(*permit, failure.what());
        break;
      case RedisFailure::Kind::oversize:
        well(*permit);
        refuse_value();
        break;
      case RedisFailure::Kind::busy:
        breaker.withdrawn(*permit);
        count(CacheEvent::skipped);
        break;
    }
  } catch (const std::exception&) {  // memory ran out
    failed(*permit, "no memory");
  }
  return std::nullopt;
}

SharedResult RedisTier::Impl::find(const std::string& key) {
  const std::string name = prefix + key;
  const auto reply = ask(std::array<std::string_view, 2>{"GET", name});
  if (!reply) return nullptr;
  if (reply->kind == RedisReply::Kind::nothing) {
    count(CacheEvent::miss);
    return nullptr;
  }
  auto result = reply->kind == RedisReply::Kind::text ? seal.opened(key, reply->text) : std::nullopt;
  if (!result) {
    refuse_value();
    return nullptr;
  }
  count(CacheEvent::hit);
  return std::make_shared<const Result>(std::move(*result));
}

void RedisTier::Impl::write(const WriteQueue::Write& write) noexcept {
  try {
    if (breaker.waiting(Clock::now())) {  // saves making the value
      count(CacheEvent::skipped);
      return;
    }
    const std::string name = prefix + write.key;
    const std::string value = seal.sealed(write.key, *write.result);
    (void)ask(std::array<std::string_view, 5>{"SET", name, value, "PX", lifetime_ms});
  } catch (const std::exception&) {  // no memory, or a result that cannot be written
    count(CacheEvent::error);
  }
}

void RedisTier::Impl::look_up() noexcept {
  try {
    pool.look_up();
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): what asks next fails and counts it
  }
}

RedisTier::RedisTier(const CacheOptions& options, base::Log log, metrics::Metrics& counters)
    : impl_(std::make_unique<Impl>(options, std::move(log), counters, redis_address(options.redis))) {}

RedisTier::~RedisTier() = default;

SharedResult RedisTier::find(const std::string& key) noexcept {
  try {
    return impl_->find(key);
  } catch (const std::exception&) {  // no memory for the names or the result
    impl_->count(CacheEvent::error);
    return nullptr;
  }
}

void RedisTier::store(const std::string& key, SharedResult result) noexcept {
  try {
    if (!impl_->queue.push({key, std::move(result)})) impl_->count(CacheEvent::dropped);
  } catch (const std::exception&) {
    impl_->count(CacheEvent::dropped);
  }
}

bool RedisTier::flush(std::chrono::milliseconds timeout) noexcept { return impl_->queue.flush(timeout); }

bool RedisTier::open() const noexcept { return impl_->breaker.open(); }

}  // namespace mediscan::cache
