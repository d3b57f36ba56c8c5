// The cursor: typed reads, and the message of every read that fails.
#include "bundle/json_reader.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "errors.hpp"

using mediscan::bundle::JsonReader;
using mediscan::bundle::Named;
using mediscan::test::error_of;
using nlohmann::json;

namespace {

/// What `read` throws for the field "v" of {"v": VALUE}; an empty VALUE leaves the field out.
template <class Read>
std::string message(std::string_view value, Read read) {
  const json tree = value.empty() ? json::object() : json{{"v", json::parse(value)}};
  const auto error = error_of([&] { read(JsonReader(tree, "doc").field("v")); });
  CHECK(error.code() == mediscan::ErrorCode::bundle_invalid);
  return error.message();
}

json tree_of(std::string_view value) { return json{{"v", json::parse(value)}}; }

}  // namespace

TEST_CASE("every kind of value is described in few words") {
  const auto read = [](const JsonReader& v) { (void)v.boolean(); };
  CHECK(message("", read) == "doc: $.v is missing, expected true or false");
  CHECK(message("null", read) == "doc: $.v is null, expected true or false");
  CHECK(message("1.5", read) == "doc: $.v is 1.5, expected true or false");
  CHECK(message("\"yes\"", read) == "doc: $.v is \"yes\", expected true or false");
  CHECK(message("[1]", read) == "doc: $.v is an array of 1 element, expected true or false");
  CHECK(message("[1, 2]", read) == "doc: $.v is an array of 2 elements, expected true or false");
  CHECK(message("{}", read) == "doc: $.v is an object, expected true or false");
}

TEST_CASE("whole numbers are read within their bounds and from nothing else") {
  const json tree = tree_of("18446744073709551615");
  CHECK(JsonReader(tree, "doc").field("v").integer(0, UINT64_MAX) == UINT64_MAX);
  const auto read = [](const JsonReader& v) { (void)v.integer32(1, 16384); };
  for (const char* value : {"0", "16385", "-1", "1.0", "true", "\"5\"", "18446744073709551615", "18446744073709551616",
                            "-9223372036854775808"}) {
    const std::string found = json::parse(value).dump();
    CHECK(message(value, read) == "doc: $.v is " + found + ", expected a whole number from 1 to 16384");
  }
  for (const char* value : {"1", "16384"}) {
    const json good = tree_of(value);
    CHECK(std::to_string(JsonReader(good, "doc").field("v").integer32(1, 16384)) == value);
  }
}

TEST_CASE("numbers are read when they are accepted, whole ones too") {
  const auto positive = [](const JsonReader& v) { return v.number([](double x) { return x > 0; }, "a number over 0"); };
  const json whole = tree_of("2");
  CHECK(positive(JsonReader(whole, "doc").field("v")) == 2.0);
  CHECK(message("0", positive) == "doc: $.v is 0, expected a number over 0");
  CHECK(message("\"1\"", positive) == "doc: $.v is \"1\", expected a number over 0");
}

TEST_CASE("a number that float32 cannot hold is an error") {
  const json good = tree_of("3.4028234e38");
  CHECK(JsonReader(good, "doc").field("v").float32() == doctest::Approx(3.4028234e38));
  CHECK(message("1e39", [](const JsonReader& v) { (void)v.float32(); }) ==
        "doc: $.v is 1e+39, expected a number that float32 can hold");
}

TEST_CASE("text is not empty and cannot drive a terminal") {
  const auto read = [](const JsonReader& v) { (void)v.text(); };
  const std::string expected = ", expected a string that is not empty and has no control characters";
  CHECK(message("\"\"", read) == "doc: $.v is \"\"" + expected);
  CHECK(message(R"("a\u001b[2J")", read) == R"(doc: $.v is "a\u001b[2J")" + expected);
  CHECK(message(R"("a\u0000b")", read) == R"(doc: $.v is "a\u0000b")" + expected);
  CHECK(message(R"("a\nb")", read) == R"(doc: $.v is "a\nb")" + expected);
  CHECK(message(R"("a\u009bb\u007f")", read) == R"(doc: $.v is "a\u009bb\u007f")" + expected);
  CHECK(message("7", read) == "doc: $.v is 7, expected a string");
  const json good = tree_of(R"("n\u00e6vus \u00a0")");
  CHECK(JsonReader(good, "doc").field("v").text() == "n\xC3\xA6vus \xC2\xA0");
}

TEST_CASE("prose may have lines and tabs, nothing else that is invisible") {
  const json good = tree_of(R"("one\n\ttwo")");
  CHECK(JsonReader(good, "doc").field("v").prose() == "one\n\ttwo");
  CHECK(
      message(R"("a\rb")", [](const JsonReader& v) { (void)v.prose(); }) ==
      R"(doc: $.v is "a\rb", expected a string that is not empty and has no control characters but line breaks and tabs)");
}

TEST_CASE("a choice names all that may be chosen") {
  static constexpr std::array sizes{Named<int>{1, "small"}, Named<int>{2, "large"}};
  const auto read = [](const JsonReader& v) { return v.choice(std::span<const Named<int>>(sizes)); };
  const json good = tree_of("\"large\"");
  CHECK(read(JsonReader(good, "doc").field("v")) == 2);
  CHECK(message("\"huge\"", read) == R"(doc: $.v is "huge", expected one of "small", "large")");
  CHECK(message("2", read) == R"(doc: $.v is 2, expected one of "small", "large")");
  CHECK(message("\"huge\"", [](const JsonReader& v) { (void)v.name_among({"small"}); }) ==
        R"(doc: $.v is "huge", expected "small")");
}

TEST_CASE("elements know their index, and their number is checked") {
  const json good = tree_of("[1, \"x\"]");
  const auto elements = JsonReader(good, "doc").field("v").elements(1, 2);
  REQUIRE(elements.size() == 2);
  CHECK(elements[1].path() == "$.v[1]");
  const auto read = [](std::size_t least, std::size_t most) {
    return [=](const JsonReader& v) { (void)v.elements(least, most); };
  };
  CHECK(message("[1]", read(2, 2)) == "doc: $.v is an array of 1 element, expected an array of 2 elements");
  CHECK(message("[]", read(1, 5)) == "doc: $.v is an array of 0 elements, expected an array of 1 to 5 elements");
  CHECK(message("{}", read(1, 1)) == "doc: $.v is an object, expected an array of 1 element");
}

TEST_CASE("unknown fields are named, extensions are let through where they are allowed") {
  const json tree = {{"a", 1}, {"x-b", 2}};
  const JsonReader root(tree, "doc");
  CHECK_NOTHROW(root.expect_fields({"a"}, true));
  const auto error = error_of([&] { root.expect_fields({"a", "c"}); });
  CHECK(error.message() == R"(doc: $.x-b is an unknown field, expected one of "a", "c")");
  CHECK(error.hint() == "check the spelling; a field of your own goes to the top level and is named \"x-...\"");
  CHECK(error_of([&] { root.field("a").expect_fields({"z"}); }).message() == "doc: $.a is 1, expected an object");
}

TEST_CASE("a field of a place without a value is a place without a value") {
  const json tree = {{"a", nullptr}};
  const JsonReader root(tree, "doc");
  CHECK_FALSE(root.field("a").present());
  CHECK_FALSE(root.field("b").field("c").present());
  CHECK(root.field("b").field("c").path() == "$.b.c");
  CHECK(error_of([&] { (void)root.field("b").value(); }).message() == "doc: $.b is missing, expected a value");
}
