// "redis://[[user]:password@]host[:port][/db]" or "unix:/path": where a Redis is and how to log in there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mediscan::cache {

struct RedisAddress {
  std::string socket;  ///< path of a Unix socket; empty: host and port
  std::string host;    ///< name or number; an IPv6 number without its brackets
  std::uint16_t port = 6379;
  std::string user;      ///< empty: the default user
  std::string password;  ///< empty: no login
  std::uint32_t database = 0;

  /// For messages: without user and password.
  [[nodiscard]] std::string described() const;
};

/// Throws INVALID_ARGUMENT saying what is wrong; the message never holds the password.
RedisAddress redis_address(std::string_view text);

}  // namespace mediscan::cache
