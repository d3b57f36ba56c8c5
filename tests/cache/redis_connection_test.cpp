// One connection against servers that behave, and against stand-ins that do not: every call ends by its deadline.
#include "cache/redis_connection.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <optional>
#include <string>
#include <thread>

#include "cache/redis_failure.hpp"
#include "cache/value.hpp"
#include "errors.hpp"
#include "redis_server.hpp"

namespace mediscan::cache {
namespace {

using namespace std::chrono_literals;
using Clock = RedisConnection::Clock;
using test::answer_once;
using test::contains;
using test::StandIn;

constexpr std::array<std::string_view, 2> get{"GET", "k"};

volatile std::sig_atomic_t pipe_signals = 0;

/// What a scheduler of a busy machine may add to a deadline.
constexpr auto slack = 1s;

RedisConnection connection_to(const RedisAddress& address, std::chrono::milliseconds within = 5s) {
  const auto known = HostAddresses(address).known_by(Clock::now());
  return {address, known, Clock::now() + within};
}

std::string failure_of(RedisConnection& connection, std::chrono::milliseconds within) {
  const auto start = Clock::now();
  std::string what;
  try {
    (void)connection.ask(get, start + within);
  } catch (const RedisFailure& failure) {
    what = failure.what();
  }
  CHECK(Clock::now() - start < within + slack);
  return what;
}

TEST_CASE("a server that never answers is left at the deadline") {
  const StandIn silent;
  auto connection = connection_to(silent.address());
  CHECK(contains(failure_of(connection, 30ms), "too long"));
}

TEST_CASE("a server that dribbles is left at the deadline of the whole answer") {
  std::atomic<bool> stop{false};
  const StandIn dribbling([&](int socket) {
    answer_once(socket, "$1000000\r\n");
    while (!stop && ::send(socket, "x", 1, MSG_NOSIGNAL) == 1) std::this_thread::sleep_for(1ms);
  });
  {
    auto connection = connection_to(dribbling.address());
    CHECK(contains(failure_of(connection, 100ms), "too long"));
  }
  stop = true;
}

TEST_CASE("a server that takes nothing in is left at the deadline") {
  const StandIn silent;
  auto connection = connection_to(silent.address());
  const std::string large(8U << 20U, 'x');  // more than socket buffers hold
  const auto start = Clock::now();
  CHECK_THROWS_AS((void)connection.ask(std::array<std::string_view, 2>{"SET", large}, start + 50ms), RedisFailure);
  CHECK(Clock::now() - start < 50ms + slack);
}

TEST_CASE("a server that is not there, or closes, is a failure and no signal") {
  auto* before = std::signal(SIGPIPE, [](int) { pipe_signals = 1; });
  CHECK_THROWS_AS((void)connection_to(redis_address("unix:/nonexistent/socket")), RedisFailure);
  const StandIn closing([](int) {});
  auto connection = connection_to(closing.address());
  while (connection.usable()) std::this_thread::sleep_for(1ms);
  CHECK_FALSE(failure_of(connection, 1s).empty());
  CHECK_FALSE(failure_of(connection, 1s).empty());
  CHECK(pipe_signals == 0);
  std::signal(SIGPIPE, before);
}

TEST_CASE("an answer that is no protocol, goes on after its end, or is too large is refused") {
  const auto failure_with = [](const std::string& answer) {
    const StandIn server([&](int socket) {
      answer_once(socket, answer);
      char end = 0;
      (void)::recv(socket, &end, 1, 0);
    });
    auto connection = connection_to(server.address());
    return failure_of(connection, 5s);
  };
  CHECK(contains(failure_with("HTTP/1.1 400 Bad Request\r\n\r\n"), "not of the Redis protocol"));
  CHECK(contains(failure_with("$-1\r\n$1\r\nx\r\n"), "goes on"));
  CHECK(contains(failure_with("$100000000\r\n" + std::string(most_value_bytes + 100, 'x')), "larger"));
}

TEST_CASE("what a server says unasked makes the connection unusable") {
  const StandIn talking([](int socket) {
    answer_once(socket, "$-1\r\n");
    std::this_thread::sleep_for(20ms);
    (void)::send(socket, "$1\r\nx\r\n", 7, MSG_NOSIGNAL);
    char end = 0;
    (void)::recv(socket, &end, 1, 0);
  });
  auto connection = connection_to(talking.address());
  CHECK(connection.ask(get, Clock::now() + 5s).kind == RedisReply::Kind::nothing);
  const auto until = Clock::now() + 5s;
  while (connection.usable() && Clock::now() < until) std::this_thread::sleep_for(1ms);
  CHECK_FALSE(connection.usable());
}

TEST_CASE("a real server answers over its Unix socket and its port, and keeps any bytes") {
  if (!test::has_redis_server()) return;
  const int port = test::free_port();
  const test::RedisServer server({}, port);
  for (const std::string& text : {server.address(), "redis://127.0.0.1:" + std::to_string(port) + "/3"}) {
    auto connection = connection_to(redis_address(text));
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    const auto deadline = Clock::now() + 5s;
    CHECK(connection.ask(std::array<std::string_view, 3>{"SET", bytes, bytes}, deadline).text == "OK");
    CHECK(connection.ask(std::array<std::string_view, 2>{"GET", bytes}, deadline).text == bytes);
    CHECK(connection.usable());
  }
  CHECK(server.ask({"DBSIZE"}).kind == RedisReply::Kind::integer);
}

TEST_CASE("logging in works by password and by user, and a refusal names no secret") {
  if (!test::has_redis_server()) return;
  const int port = test::free_port();
  const test::RedisServer server({"--requirepass", "s3cret", "--user", "medi", "on", ">p@ss", "~*", "+@all"}, port);
  const std::string host = "127.0.0.1:" + std::to_string(port);
  const auto asked = [&](const std::string& login) -> std::string {
    try {
      auto connection = connection_to(redis_address("redis://" + login + host));
      return connection.ask(std::array<std::string_view, 1>{"PING"}, Clock::now() + 5s).text;
    } catch (const RedisFailure& failure) {
      return failure.what();
    }
  };
  CHECK(asked(":s3cret@") == "PONG");
  CHECK(asked("medi:p%40ss@") == "PONG");
  CHECK(asked(":wr0ng@") == "AUTH was refused (WRONGPASS)");
  CHECK(contains(asked(""), "NOAUTH"));
}

TEST_CASE("a database that there is not is refused") {
  if (!test::has_redis_server()) return;
  const int port = test::free_port();
  const test::RedisServer server({}, port);
  const auto address = redis_address("redis://127.0.0.1:" + std::to_string(port) + "/1000");
  CHECK_THROWS_AS((void)connection_to(address), RedisFailure);
}

TEST_CASE("sockets are closed on exec") {
  const StandIn silent;
  std::array<bool, 64> before{};
  for (int i = 0; i < 64; ++i) before.at(static_cast<std::size_t>(i)) = ::fcntl(i, F_GETFD) >= 0;
  const auto connection = connection_to(silent.address());
  int opened = 0;
  for (int i = 0; i < 64; ++i) {
    const int flags = ::fcntl(i, F_GETFD);
    if (flags < 0 || before.at(static_cast<std::size_t>(i))) continue;
    ++opened;
    CHECK((flags & FD_CLOEXEC) != 0);
  }
  CHECK(opened == 1);
}

}  // namespace
}  // namespace mediscan::cache
