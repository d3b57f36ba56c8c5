#include "cache/redis_notices.hpp"

#include <doctest/doctest.h>

#include "errors.hpp"
#include "example_results.hpp"

namespace mediscan::cache {
namespace {

using namespace std::chrono_literals;
const RedisNotices::Clock::time_point start{100s};

TEST_CASE("each kind is said at once, and again only after a minute") {
  const test::Lines lines;
  RedisNotices notices(base::Log(lines.callback()), "h:1");
  notices.gone("why", start);
  notices.gone("why", start + 59s);
  CHECK(lines.warnings().size() == 1);
  notices.back(start + 1s);
  notices.value_refused(start + 1s);
  notices.command_refused("OOM", start + 1s);
  CHECK(lines.warnings().size() == 4);
  notices.gone("why", start + 60s);
  notices.back(start + 60s);
  CHECK(lines.warnings().size() == 5);
}

TEST_CASE("each says which server, and what it is about") {
  const test::Lines lines;
  RedisNotices notices(base::Log(lines.callback()), "h:1");
  notices.unauthenticated();
  notices.gone("connecting: Connection refused", start);
  notices.back(start);
  notices.value_refused(start);
  notices.command_refused("OOM", start);
  const auto said = lines.warnings();
  REQUIRE(said.size() == 5);
  for (const auto& line : said) CHECK(test::contains(line, "h:1"));
  CHECK(test::contains(said[0], "cache.hmac_key"));
  CHECK(test::contains(said[1], "connecting: Connection refused"));
  CHECK(test::contains(said[2], "answers again"));
  CHECK(test::contains(said[3], "not used"));
  CHECK(test::contains(said[4], "(OOM)"));
}

}  // namespace
}  // namespace mediscan::cache
