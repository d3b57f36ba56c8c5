#include "cache/host_addresses.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>

#include <thread>

#include "cache/redis_failure.hpp"

namespace mediscan::cache {
namespace {

using namespace std::chrono_literals;
using Clock = HostAddresses::Clock;

TEST_CASE("numbers and paths are known at once") {
  for (const char* text : {"redis://127.0.0.1:7000", "redis://[::1]", "unix:/run/x"}) {
    const HostAddresses addresses(redis_address(text));
    CHECK(addresses.known_by(Clock::now()).size() == 1);
  }
  const auto known = HostAddresses(redis_address("redis://127.0.0.1:7000")).known_by(Clock::now());
  const auto* four = reinterpret_cast<const sockaddr_in*>(&known[0].storage);
  CHECK(ntohs(four->sin_port) == 7000);
  CHECK(ntohl(four->sin_addr.s_addr) == INADDR_LOOPBACK);
}

TEST_CASE("a name is known once it was looked up, and who waits for it is woken") {
  HostAddresses addresses(redis_address("redis://localhost"));
  CHECK_THROWS_AS((void)addresses.known_by(Clock::now() + 5ms), RedisFailure);
  std::thread looking([&] { addresses.look_up(); });
  CHECK_FALSE(addresses.known_by(Clock::now() + 20s).empty());
  looking.join();
}

TEST_CASE("a name that is none stays unknown, without an error") {
  HostAddresses addresses(redis_address("redis://no-such-host.invalid"));  // RFC 2606 keeps .invalid free
  addresses.look_up();
  CHECK_THROWS_AS((void)addresses.known_by(Clock::now() + 5ms), RedisFailure);
}

TEST_CASE("an address that is doubted stays known meanwhile") {
  HostAddresses addresses(redis_address("redis://localhost"));
  addresses.look_up();
  addresses.doubt();
  CHECK_FALSE(addresses.known_by(Clock::now()).empty());
}

}  // namespace
}  // namespace mediscan::cache
