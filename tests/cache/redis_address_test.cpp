#include "cache/redis_address.hpp"

#include <doctest/doctest.h>

#include <string>

#include "errors.hpp"

namespace mediscan::cache {
namespace {

using test::contains;

TEST_CASE("a host alone has the usual port, no login and the first database") {
  const auto address = redis_address("redis://cache.hospital");
  CHECK(address.host == "cache.hospital");
  CHECK(address.port == 6379);
  CHECK(address.user.empty());
  CHECK(address.password.empty());
  CHECK(address.database == 0);
  CHECK(address.socket.empty());
  CHECK(redis_address("redis://h/").database == 0);
}

TEST_CASE("everything at once") {
  const auto address = redis_address("redis://medi:p%40ss%3A%2F@10.0.0.1:7000/12");
  CHECK(address.user == "medi");
  CHECK(address.password == "p@ss:/");
  CHECK(address.host == "10.0.0.1");
  CHECK(address.port == 7000);
  CHECK(address.database == 12);
}

TEST_CASE("a password without a user, an IPv6 number, a Unix socket") {
  CHECK(redis_address("redis://:secret@h").password == "secret");
  CHECK(redis_address("redis://:secret@h").user.empty());
  const auto six = redis_address("redis://[::1]:7000/1");
  CHECK(six.host == "::1");
  CHECK(six.port == 7000);
  CHECK(six.described() == "[::1]:7000");
  CHECK(redis_address("redis://[fe80::2]").host == "fe80::2");
  CHECK(redis_address("unix:/run/redis.sock").socket == "/run/redis.sock");
  CHECK(redis_address("unix:/run/redis.sock").described() == "unix:/run/redis.sock");
}

TEST_CASE("the description has no login") { CHECK(redis_address("redis://medi:secret@h:1").described() == "h:1"); }

TEST_CASE("what is no address is refused with the reason, and no message holds the password") {
  const auto refusal = [](const std::string& text) {
    const Error error = test::error_of([&] { (void)redis_address(text); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(contains(error.hint(), "redis://"));
    CHECK_FALSE(contains(error.message(), "secret"));
    return error.message();
  };
  CHECK(contains(refusal("localhost:6379"), "begins with neither"));
  CHECK(contains(refusal("rediss://h"), "begins with neither"));
  CHECK(contains(refusal("redis://"), "the host is missing"));
  CHECK(contains(refusal("redis://:secret@"), "the host is missing"));
  CHECK(contains(refusal("redis://secret@h"), "no :password"));
  CHECK(contains(refusal("redis://secret:@h"), "no :password"));
  CHECK(contains(refusal("redis://:secret%4@h"), "hexadecimal"));
  CHECK(contains(refusal("redis://:secret%zz@h"), "hexadecimal"));
  CHECK(contains(refusal("redis://:secret@h:0"), "port"));
  CHECK(contains(refusal("redis://:secret@h:65536"), "port"));
  CHECK(contains(refusal("redis://h:"), "port"));
  CHECK(contains(refusal("redis://h:6379x"), "port"));
  CHECK(contains(refusal("redis://h/one"), "database"));
  CHECK(contains(refusal("redis://h/-1"), "database"));
  CHECK(contains(refusal("redis://h?db=1"), "no host has"));
  CHECK(contains(refusal("redis://a b"), "no host has"));
  CHECK(contains(refusal("redis://[::1"), "no ]"));
  CHECK(contains(refusal("redis://[::1]7000"), "neither :port"));
  CHECK(contains(refusal("unix:redis.sock"), "not absolute"));
  CHECK(contains(refusal("unix:/" + std::string(107, 'x')), "longer than 107"));  // sockaddr_un of Linux
}

}  // namespace
}  // namespace mediscan::cache
