// What the log hears of a Redis, each kind at most once a minute: a server that flickers must not fill it. No keys, no
// values, no passwords.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.hpp"

namespace mediscan::cache {

class RedisNotices {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::chrono::minutes pause{1};

  /// `server` is how it is called in the messages.
  RedisNotices(base::Log log, std::string server) : log_(std::move(log)), server_(std::move(server)) {}

  void unauthenticated() const;
  void gone(std::string_view why, Clock::time_point now = Clock::now());
  void back(Clock::time_point now = Clock::now());
  void value_refused(Clock::time_point now = Clock::now());
  void command_refused(std::string_view code, Clock::time_point now = Clock::now());

 private:
  enum Kind : std::size_t { is_gone, is_back, refused_value, refused_command, kinds };

  bool due(Kind kind, Clock::time_point now) noexcept;

  base::Log log_;
  std::string server_;
  std::array<std::atomic<std::int64_t>, kinds> next_{};  ///< ticks of the clock from which on a kind is due again
};

}  // namespace mediscan::cache
