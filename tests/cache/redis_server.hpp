// A real redis-server of a test's own, and a listening socket that is none.
#pragma once

#include <sys/types.h>
#include <atomic>
#include <functional>
#include <initializer_list>
#include <mediscan/options.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cache/redis_address.hpp"
#include "cache/redis_protocol.hpp"
#include "temporary_folder.hpp"

namespace mediscan::test {

/// False, saying why the case is skipped, where no redis-server is installed.
bool has_redis_server();

class RedisServer {
 public:
  /// Starts one on a Unix socket (and, with `port`, on that port of 127.0.0.1) and waits until it answers.
  explicit RedisServer(std::vector<std::string> options = {}, int port = 0);
  ~RedisServer() { kill(); }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  [[nodiscard]] std::string address() const { return "unix:" + socket(); }
  /// Cache options that point here, with an HMAC key.
  [[nodiscard]] CacheOptions options() const;

  void kill();   ///< at once, as a crash
  void start();  ///< again, at the same place and empty

  /// The server's answer to a command that goes around the cache.
  cache::RedisReply ask(std::initializer_list<std::string_view> words) const;

 private:
  [[nodiscard]] std::string socket() const { return (folder_.path() / "redis.sock").string(); }

  TemporaryFolder folder_;
  std::vector<std::string> options_;
  int port_;
  pid_t pid_ = -1;
};

/// A port of 127.0.0.1 that was free a moment ago.
int free_port();

/// Listens on a Unix socket and does to each connection, on a thread of its own, what the test says. Without that it
/// accepts nothing: connecting works (the kernel does it), and no answer ever comes.
class StandIn {
 public:
  explicit StandIn(std::function<void(int connection)> serve = {});
  ~StandIn();
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  [[nodiscard]] cache::RedisAddress address() const { return cache::redis_address("unix:" + socket_); }
  [[nodiscard]] std::string redis() const { return "unix:" + socket_; }
  [[nodiscard]] int accepted() const { return accepted_; }

 private:
  void accept_all(const std::function<void(int)>& serve);

  TemporaryFolder folder_;
  std::string socket_;
  int listening_ = -1;
  std::atomic<bool> stop_{false};
  std::atomic<int> accepted_{0};
  std::thread thread_;
};

/// For what a StandIn serves: reads what came, answers with `answer`.
bool answer_once(int connection, std::string_view answer);

}  // namespace mediscan::test
