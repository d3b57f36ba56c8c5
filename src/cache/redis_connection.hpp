// One connection to a Redis, logged in. Every call has a deadline that holds for all of it, however the other side
// dribbles. Not thread-safe; raises no signal; closed on exec.
#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include "cache/host_addresses.hpp"
#include "cache/redis_address.hpp"
#include "cache/redis_protocol.hpp"

namespace mediscan::cache {

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Descriptor& operator=(Descriptor&&) = delete;
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

class RedisConnection {
 public:
  using Clock = std::chrono::steady_clock;

  /// Connects to the first of the addresses that answers, logs in and selects the database. Throws RedisFailure.
  RedisConnection(const RedisAddress& address, std::span<const SocketAddress> addresses, Clock::time_point deadline);

  /// Asks and waits for the answer, which may be an error reply. Throws RedisFailure: throw the connection away then.
  RedisReply ask(std::span<const std::string_view> words, Clock::time_point deadline);

  /// False when the other side has closed it or said something unasked meanwhile.
  [[nodiscard]] bool usable() const noexcept;

 private:
  void log_in(const RedisAddress& address, Clock::time_point deadline);
  void send(std::string_view bytes, Clock::time_point deadline);
  RedisReply receive(Clock::time_point deadline);

  Descriptor socket_;
  RedisReplyReader reader_;
};

}  // namespace mediscan::cache
