#include "cache/host_addresses.hpp"

#include <netdb.h>
#include <sys/un.h>

#include <cstring>
#include <memory>
#include <string>

#include "cache/redis_failure.hpp"

namespace mediscan::cache {
namespace {

SocketAddress of_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());  // redis_address() saw to its length
  SocketAddress result;
  std::memcpy(&result.storage, &address, sizeof(address));
  result.size = sizeof(address);
  return result;
}

std::vector<SocketAddress> of_host(const std::string& host, std::uint16_t port, int flags) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* first = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &first) != 0) return {};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(first, ::freeaddrinfo);
  std::vector<SocketAddress> found;
  for (const addrinfo* each = first; each != nullptr; each = each->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    address.size = each->ai_addrlen;
    found.push_back(address);
  }
  return found;
}

}  // namespace

HostAddresses::HostAddresses(const RedisAddress& address) : host_(address.host), port_(address.port) {
  known_ = address.socket.empty() ? of_host(host_, port_, AI_NUMERICHOST)
                                  : std::vector<SocketAddress>{of_path(address.socket)};
  fixed_ = !known_.empty();
}

std::vector<SocketAddress> HostAddresses::known_by(Clock::time_point deadline) const {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, deadline, [this] { return !known_.empty(); }))
    throw RedisFailure(RedisFailure::Kind::broken, "the host's name could not be looked up yet");
  return known_;
}

void HostAddresses::doubt() noexcept {
  const std::scoped_lock lock(mutex_);
  due_ = true;
}

void HostAddresses::look_up() {
  constexpr std::chrono::seconds pause{1};
  if (fixed_) return;
  {
    const std::scoped_lock lock(mutex_);
    const auto now = Clock::now();
    if (!due_ || (asked_ != Clock::time_point{} && now < asked_ + pause)) return;
    asked_ = now;
  }
  auto found = of_host(host_, port_, 0);
  if (found.empty()) return;  // still due; what was known before may come back
  const std::scoped_lock lock(mutex_);
  known_ = std::move(found);
  due_ = false;
  changed_.notify_all();
}

}  // namespace mediscan::cache
