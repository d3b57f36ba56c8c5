#include "redis_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "cache/host_addresses.hpp"
#include "cache/redis_connection.hpp"
#include "cache/redis_failure.hpp"

namespace mediscan::test {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

std::string program() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/redis-server";
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

}  // namespace

bool has_redis_server() {
  if (!program().empty()) return true;
  std::puts("MEDISCAN_SKIP: no redis-server (Debian: redis-server)");
  return false;
}

RedisServer::RedisServer(std::vector<std::string> options, int port) : options_(std::move(options)), port_(port) {
  start();
}

CacheOptions RedisServer::options() const {
  CacheOptions options;
  options.redis = address();
  options.hmac_key = "sixteen bytes or more";
  // Under a sanitizer on a busy machine a healthy server may take longer than the defaults allow.
  options.connect_timeout = 2s;
  options.operation_timeout = 2s;
  return options;
}

void RedisServer::start() {
  std::vector<std::string> words{program(),
                                 "--port",
                                 std::to_string(port_),
                                 "--bind",
                                 "127.0.0.1",
                                 "--dir",
                                 folder_.path(),
                                 "--unixsocket",
                                 socket(),
                                 "--save",
                                 "",
                                 "--appendonly",
                                 "no",
                                 "--daemonize",
                                 "no",
                                 "--loglevel",
                                 "warning"};
  words.insert(words.end(), options_.begin(), options_.end());
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::filesystem::remove(socket());
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // should the test end badly
    const int nowhere = ::open("/dev/null", O_RDWR);
    ::dup2(nowhere, STDOUT_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  for (const auto until = Clock::now() + 20s; Clock::now() < until; std::this_thread::sleep_for(5ms)) {
    try {
      const auto reply = ask({"PING"});
      if (reply.text == "PONG" || reply.error_code() == "NOAUTH") return;
    } catch (const cache::RedisFailure&) {  // NOLINT(bugprone-empty-catch): not yet
    }
  }
  kill();
  throw std::runtime_error("redis-server did not start");
}

void RedisServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

cache::RedisReply RedisServer::ask(std::initializer_list<std::string_view> words) const {
  const auto address_here = cache::redis_address(address());
  const auto deadline = Clock::now() + 5s;
  const auto known = cache::HostAddresses(address_here).known_by(deadline);
  return cache::RedisConnection(address_here, known, deadline).ask(std::span(std::data(words), words.size()), deadline);
}

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket, generic, size) != 0 || ::getsockname(socket, generic, &size) != 0)
    throw std::runtime_error("no free port");
  ::close(socket);
  return ntohs(address.sin_port);
}

StandIn::StandIn(std::function<void(int)> serve) : socket_((folder_.path() / "s").string()) {
  listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (::bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listening_, 64) != 0) {
    throw std::runtime_error("cannot listen");
  }
  if (serve) thread_ = std::thread([this, serve = std::move(serve)] { accept_all(serve); });
}

StandIn::~StandIn() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  ::close(listening_);
}

void StandIn::accept_all(const std::function<void(int)>& serve) {
  while (!stop_) {
    pollfd watched{listening_, POLLIN, 0};
    if (::poll(&watched, 1, 10) <= 0) continue;
    const int connection = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    ++accepted_;
    serve(connection);
    ::close(connection);
  }
}

bool answer_once(int connection, std::string_view answer) {
  std::array<char, 4096> command{};
  if (::recv(connection, command.data(), command.size(), 0) <= 0) return false;
  return ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(answer.size());
}

}  // namespace mediscan::test
