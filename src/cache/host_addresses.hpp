// A host's name to the addresses of sockets. Asking DNS cannot be given a time-out, so one thread does it, and those
// in a hurry take what it found last. Numbers and paths need no asking.
#pragma once

#include <sys/socket.h>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "cache/redis_address.hpp"

namespace mediscan::cache {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

class HostAddresses {
 public:
  using Clock = std::chrono::steady_clock;

  explicit HostAddresses(const RedisAddress& address);

  /// What is known, waiting for it if nothing is. Throws RedisFailure when nothing is by the deadline.
  [[nodiscard]] std::vector<SocketAddress> known_by(Clock::time_point deadline) const;

  /// None of the addresses could be connected to: they are worth looking up again.
  void doubt() noexcept;

  /// Looks a name up if that is due, at most once a second; takes as long as DNS takes. For one thread only.
  void look_up();

 private:
  const std::string host_;
  const std::uint16_t port_;
  bool fixed_ = false;  ///< a number or a path
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<SocketAddress> known_;
  bool due_ = true;
  Clock::time_point asked_{};
};

}  // namespace mediscan::cache
