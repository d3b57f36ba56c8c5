#include "cache/redis_protocol.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "cache/redis_failure.hpp"

namespace mediscan::cache {
namespace {

using Kind = RedisReply::Kind;

RedisReply reply_to(std::string_view bytes) {
  RedisReplyReader reader(1000);
  reader.feed(bytes);
  auto reply = reader.next();
  REQUIRE(reply.has_value());
  CHECK(reader.empty());
  return *reply;
}

RedisFailure::Kind failure_of(std::string_view bytes, std::size_t most = 1000) {
  RedisReplyReader reader(most);
  try {
    reader.feed(bytes);
    (void)reader.next();
  } catch (const RedisFailure& failure) {
    return failure.kind();
  }
  FAIL("nothing was refused");
  return RedisFailure::Kind::busy;
}

TEST_CASE("a command is its words with their lengths, whatever bytes they hold") {
  const std::array<std::string_view, 3> words{"SET", std::string_view("a\0b", 3), "\r\n"};
  CHECK(redis_command(words) == std::string("*3\r\n$3\r\nSET\r\n$3\r\na\0b\r\n$2\r\n\r\n\r\n", 30));
}

TEST_CASE("each kind of reply is read as what it is") {
  CHECK(reply_to("+OK\r\n").kind == Kind::status);
  CHECK(reply_to("+OK\r\n").text == "OK");
  CHECK(reply_to("-OOM command not allowed\r\n").kind == Kind::error);
  CHECK(reply_to(":12\r\n").kind == Kind::integer);
  CHECK(reply_to("$-1\r\n").kind == Kind::nothing);
  CHECK(reply_to("$0\r\n\r\n").kind == Kind::text);
  CHECK(reply_to(std::string_view("$3\r\na\0b\r\n", 9)).text == std::string("a\0b", 3));
}

TEST_CASE("a reply may come byte by byte") {
  RedisReplyReader reader(1000);
  const std::string bytes = "$5\r\nhello\r\n";
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    reader.feed(std::span(&bytes[i], 1));
    CHECK_FALSE(reader.next().has_value());
  }
  reader.feed(std::span(&bytes.back(), 1));
  CHECK(reader.next()->text == "hello");
}

TEST_CASE("what comes after the reply is seen") {
  RedisReplyReader reader(1000);
  reader.feed(std::string_view("+OK\r\n+MORE\r\n"));
  CHECK(reader.next()->text == "OK");
  CHECK_FALSE(reader.empty());
}

TEST_CASE("lists, newer kinds and what is no protocol are refused") {
  for (const std::string_view bytes : {"*2\r\n+a\r\n+b\r\n", "*1000000000\r\n", ",1.5\r\n", "#t\r\n", "%1\r\n",
                                       "HTTP/1.1 400 Bad Request\r\n", "\r\n"})
    CHECK(failure_of(bytes) == RedisFailure::Kind::broken);
  CHECK(failure_of("$x\r\n") == RedisFailure::Kind::broken);
  CHECK(failure_of("$-5\r\n") == RedisFailure::Kind::broken);
}

TEST_CASE("a reply beyond the bound is refused before it is there") {
  CHECK(failure_of("$500000000\r\n" + std::string(90, 'x'), 100) == RedisFailure::Kind::oversize);
}

TEST_CASE("the code of an error is its first word, and never what a server makes up") {
  CHECK(reply_to("-OOM command not allowed\r\n").error_code() == "OOM");
  CHECK(reply_to("-WRONGPASS invalid\r\n").error_code() == "WRONGPASS");
  CHECK(reply_to("-\x1b[31m\r\n").error_code() == "ERR");
  CHECK(reply_to("-\r\n").error_code() == "ERR");
  CHECK(reply_to("-" + std::string(21, 'A') + "\r\n").error_code() == "ERR");
}

}  // namespace
}  // namespace mediscan::cache
