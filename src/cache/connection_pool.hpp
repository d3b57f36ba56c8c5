// A few connections to one Redis, used by whichever thread asks, each by one at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "cache/host_addresses.hpp"
#include "cache/redis_address.hpp"
#include "cache/redis_connection.hpp"

namespace mediscan::cache {

class ConnectionPool {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::size_t most = 8;

  /// Connects to nothing yet.
  ConnectionPool(RedisAddress address, std::chrono::milliseconds connect_timeout,
                 std::chrono::milliseconds operation_timeout);

  /// Asks over a free connection, or a new one. Takes at most connect_timeout until there is one and operation_timeout
  /// for the rest. Throws RedisFailure.
  RedisReply ask(std::span<const std::string_view> words);

  /// See HostAddresses::look_up.
  void look_up() { addresses_.look_up(); }

 private:
  using Connection = std::unique_ptr<RedisConnection>;
  class Place;

  void wait_for_place(Clock::time_point deadline);
  Connection idle();
  Connection opened(Clock::time_point deadline);
  void keep(Connection connection);
  void leave_place() noexcept;
  void close_idle() noexcept;

  const RedisAddress address_;
  const std::chrono::milliseconds connect_timeout_;
  const std::chrono::milliseconds operation_timeout_;
  HostAddresses addresses_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<Connection> idle_;  ///< the one used last at the end
  std::size_t in_use_ = 0;
};

}  // namespace mediscan::cache
