#include "cache/redis_connection.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "cache/redis_failure.hpp"
#include "cache/value.hpp"

namespace mediscan::cache {
namespace {

using Clock = RedisConnection::Clock;
using Kind = RedisFailure::Kind;

constexpr std::size_t most_reply_bytes = most_value_bytes + 64;  // and the line with its length

[[noreturn]] void fail(std::string_view what, int error) {
  throw RedisFailure(Kind::broken, fmt::format("{}: {}", what, std::generic_category().message(error)));
}

/// Waits until the socket can be read or written, whatever of it makes it so.
void wait_for(const Descriptor& socket, short events, Clock::time_point deadline, std::string_view what) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd watched{socket.number(), events, 0};
    const int ready = left > 0 ? ::poll(&watched, 1, static_cast<int>(left)) : 0;
    if (ready > 0) return;
    if (ready == 0) throw RedisFailure(Kind::broken, fmt::format("{} took too long", what));
    if (errno != EINTR) fail(what, errno);
  }
}

bool try_again(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

Descriptor connected(const SocketAddress& address, Clock::time_point deadline) {
  constexpr std::string_view what = "connecting";
  const int family = address.storage.ss_family;
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.number() < 0) fail("making a socket", errno);
  if (family != AF_UNIX) {  // a command is one packet; waiting to fill it only costs time
    const int on = 1;
    (void)::setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  const auto* target = reinterpret_cast<const sockaddr*>(&address.storage);
  if (::connect(socket.number(), target, address.size) == 0) return socket;
  if (errno != EINPROGRESS && errno != EINTR) fail(what, errno);
  wait_for(socket, POLLOUT, deadline, what);
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) fail(what, error);
  return socket;
}

/// Each gets its part of the time that is left, so that one which does not answer leaves some for the next.
Descriptor first_connected(std::span<const SocketAddress> addresses, Clock::time_point deadline) {
  for (; addresses.size() > 1; addresses = addresses.subspan(1)) {
    const auto now = Clock::now();
    const auto part = (deadline - now) / static_cast<int>(std::min<std::size_t>(addresses.size(), 8));
    try {
      return connected(addresses.front(), now + part);
    } catch (const RedisFailure&) {  // NOLINT(bugprone-empty-catch): the last one's failure is told
    }
  }
  if (addresses.empty()) throw RedisFailure(Kind::broken, "the host has no address");
  return connected(addresses.front(), deadline);
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

RedisConnection::RedisConnection(const RedisAddress& address, std::span<const SocketAddress> addresses,
                                 Clock::time_point deadline)
    : socket_(first_connected(addresses, deadline)), reader_(most_reply_bytes) {
  log_in(address, deadline);
}

void RedisConnection::log_in(const RedisAddress& address, Clock::time_point deadline) {
  const auto require = [&](std::span<const std::string_view> words) {
    const RedisReply reply = ask(words, deadline);
    if (reply.kind != RedisReply::Kind::status)
      throw RedisFailure(Kind::broken, fmt::format("{} was refused ({})", words.front(), reply.error_code()));
  };
  if (!address.password.empty()) {
    std::vector<std::string_view> words{"AUTH", address.user, address.password};
    if (address.user.empty()) words.erase(words.begin() + 1);  // servers before 6 know no users
    require(words);
  }
  if (address.database != 0) {
    const std::string database = std::to_string(address.database);
    require(std::array<std::string_view, 2>{"SELECT", database});
  }
}

RedisReply RedisConnection::ask(std::span<const std::string_view> words, Clock::time_point deadline) {
  send(redis_command(words), deadline);
  return receive(deadline);
}

void RedisConnection::send(std::string_view bytes, Clock::time_point deadline) {
  constexpr std::string_view what = "sending";
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (try_again(errno)) {
      wait_for(socket_, POLLOUT, deadline, what);
    } else if (errno != EINTR) {
      fail(what, errno);
    }
  }
}

RedisReply RedisConnection::receive(Clock::time_point deadline) {
  constexpr std::string_view what = "the answer";
  std::array<char, 16'384> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
  for (;;) {
    const ssize_t size = ::recv(socket_.number(), buffer.data(), buffer.size(), 0);
    if (size == 0) throw RedisFailure(Kind::broken, "the connection was closed");
    if (size < 0) {
      if (try_again(errno))
        wait_for(socket_, POLLIN, deadline, what);
      else if (errno != EINTR)
        fail(what, errno);
      continue;
    }
    reader_.feed(std::span(buffer.data(), static_cast<std::size_t>(size)));
    if (auto reply = reader_.next()) {
      if (reader_.empty()) return std::move(*reply);
      throw RedisFailure(Kind::broken, "the answer goes on after its end");
    }
    // A server that dribbles is never waited for above.
    if (Clock::now() >= deadline) throw RedisFailure(Kind::broken, fmt::format("{} took too long", what));
  }
}

bool RedisConnection::usable() const noexcept {
  char byte = 0;
  return ::recv(socket_.number(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && try_again(errno);
}

}  // namespace mediscan::cache
