#include "profile/profile.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "errors.hpp"
#include "example_profiles.hpp"
#include "temporary_folder.hpp"

namespace mediscan::profile {
namespace {

using nlohmann::json;
using test::contains;
using test::error_of;

Profile parse_text(const std::string& text) { return parse(std::as_bytes(std::span(text)), "p.json"); }

/// The example with one place in it changed.
Error refusal_with(const std::string& pointer, const json& value) {
  json tree = json::parse(to_text(example_profile()));
  tree[json::json_pointer(pointer)] = value;
  return error_of([&] { parse_text(tree.dump()); });
}

}  // namespace

TEST_CASE("a profile reads as it was written") { CHECK(parse_text(to_text(example_profile())) == example_profile()); }

TEST_CASE("a profile is a JSON document that says what it holds for") {
  const json tree = json::parse(to_text(example_profile()));
  CHECK(tree["mediscan_profile"] == 1);
  CHECK(tree["library_version"] == "0.1.0");
  CHECK(tree["model"]["weights_sha256"] == std::string(64, 'a'));
  CHECK(tree["machine"] == json{{"cpu", "A CPU"}, {"features", {"avx2", "vnni"}}, {"threads", 2}});
  CHECK(tree["goal"] == "throughput");
  CHECK(tree["measured"][1]["latency_ms"] == 62.5);
}

TEST_CASE("a wrong value is refused, naming where it is and what was expected") {
  CHECK(contains(refusal_with("/mediscan_profile", 2).message(), "p.json: $.mediscan_profile is 2"));
  CHECK(contains(refusal_with("/goal", "speed").message(), "\"latency\", \"throughput\""));
  CHECK(contains(refusal_with("/measured", json::array()).message(), "$.measured"));
  CHECK(contains(refusal_with("/measured/0/precision", "fp8").message(), "$.measured[0].precision is \"fp8\""));
  CHECK(contains(refusal_with("/measured/1/lanes", 0).message(), "$.measured[1].lanes is 0"));
  CHECK(contains(refusal_with("/measured/1/lanes", 65).message(), "$.measured[1].lanes is 65"));
  CHECK(contains(refusal_with("/measured/0/latency_ms", 0).message(), "a number over 0"));
  CHECK(contains(refusal_with("/measured/0/latency_ms", nullptr).message(), "$.measured[0].latency_ms"));
  CHECK(contains(refusal_with("/measured/0/pictures_per_second", -1).message(), "a number over 0"));
  CHECK(contains(refusal_with("/machine/threads", 100000).message(), "$.machine.threads"));
  CHECK(contains(refusal_with("/more", 1).message(), "more"));
  CHECK(refusal_with("/more", 1).code() == ErrorCode::bundle_invalid);
}

TEST_CASE("a profile that ends early or is no JSON is refused, wherever it ends") {
  const std::string whole = to_text(example_profile());
  for (std::size_t length = 0; length + 2 < whole.size(); length += 7) {  // the last two are "}\n"
    CAPTURE(length);
    CHECK(error_of([&] { parse_text(whole.substr(0, length)); }).code() == ErrorCode::bundle_invalid);
  }
}

TEST_CASE("only a regular file of a sensible size is read") {
  const test::TemporaryFolder folder;
  const auto place = folder.path() / "p.json";
  CHECK(error_of([&] { read(place); }).code() == ErrorCode::io_error);
  CHECK(error_of([&] { read(folder.path()); }).code() == ErrorCode::io_error);
  const auto pipe = folder.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(error_of([&] { read(pipe); }).code() == ErrorCode::io_error);  // and nobody waits for a writer
  test::write_file(place, std::string((1U << 20U) + 1, ' '));
  CHECK(error_of([&] { read(place); }).code() == ErrorCode::limit_exceeded);
  test::write_file(place, to_text(example_profile()));
  CHECK(read(place) == example_profile());
}

}  // namespace mediscan::profile
