#include "cache/redis_notices.hpp"

#include <fmt/format.h>

namespace mediscan::cache {

bool RedisNotices::due(Kind kind, Clock::time_point now) noexcept {
  auto& next = next_.at(kind);
  auto from = next.load(std::memory_order_relaxed);
  const auto ticks = now.time_since_epoch().count();
  if (ticks < from) return false;
  const auto again = (now + pause).time_since_epoch().count();
  return next.compare_exchange_strong(from, again, std::memory_order_relaxed);  // of several at once, one says it
}

void RedisNotices::unauthenticated() const {
  log_(LogLevel::warning,
       fmt::format("cache: results in the Redis at {} are not authenticated: whoever can write there can make results "
                   "up. Set cache.hmac_key to a secret of at least 16 bytes.",
                   server_));
}

void RedisNotices::gone(std::string_view why, Clock::time_point now) {
  if (!due(is_gone, now)) return;
  log_(LogLevel::warning,
       fmt::format("cache: the Redis at {} is left alone for a while ({}); pictures are analysed as without it",
                   server_, why));
}

void RedisNotices::back(Clock::time_point now) {
  if (due(is_back, now)) log_(LogLevel::warning, fmt::format("cache: the Redis at {} answers again", server_));
}

void RedisNotices::value_refused(Clock::time_point now) {
  if (!due(refused_value, now)) return;
  log_(LogLevel::warning,
       fmt::format("cache: the Redis at {} holds values that are not ours or damaged; they are not used. Another "
                   "cache.hmac_key, or someone who writes there?",
                   server_));
}

void RedisNotices::command_refused(std::string_view code, Clock::time_point now) {
  if (!due(refused_command, now)) return;
  log_(LogLevel::warning, fmt::format("cache: the Redis at {} refuses a command ({})", server_, code));
}

}  // namespace mediscan::cache
