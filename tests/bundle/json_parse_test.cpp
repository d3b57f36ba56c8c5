// The strict JSON parser: what it refuses, and where it says the fault is. JSON itself is RFC 8259.
#include "bundle/json_parse.hpp"

#include <doctest/doctest.h>

#include <string>

#include "errors.hpp"

using mediscan::ErrorCode;
using mediscan::bundle::JsonLimits;
using mediscan::bundle::parse_json;
using mediscan::test::contains;
using mediscan::test::error_of;

namespace {

nlohmann::json parse(std::string_view text, const JsonLimits& limits = {}) {
  return parse_json(std::as_bytes(std::span(text)), "doc", limits);
}

std::string message_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto error = error_of([&] { parse(text, limits); });
  CHECK(error.code() == ErrorCode::bundle_invalid);
  CHECK(error.stage() == mediscan::Stage::bundle);
  return error.message();
}

}  // namespace

TEST_CASE("valid JSON gives the tree that nlohmann's own parser gives") {
  for (const char* text : {"null", "true", "-0.5e3", "18446744073709551615", "-9223372036854775808", "\"\\u00e4\\n\"",
                           "[]", "{}", R"({"a": [1, {"b": [[], {}]}, "x"], "": 2, "c": {"a": null}})"}) {
    CHECK(parse(text) == nlohmann::json::parse(text));
  }
}

TEST_CASE("a field that appears twice is an error at its path") {
  CHECK(message_of(R"({"a": 1, "a": 2})") == "doc: $.a is a duplicate field, expected every field once");
  CHECK(message_of(R"({"x": [0, {"b c": 1, "b c": 1}]})") ==
        R"(doc: $.x[1]["b c"] is a duplicate field, expected every field once)");
  CHECK(message_of(R"({"a": 1, "\u0061": 2})") == "doc: $.a is a duplicate field, expected every field once");
  CHECK_NOTHROW(parse(R"({"a": {"a": 1}, "b": {"a": 1}})"));
}

TEST_CASE("nesting beyond the limit is an error, however deep it goes") {
  CHECK_NOTHROW(parse("[[[1]]]", {.max_depth = 3}));
  CHECK(message_of("[0, [[[1]]]]", {.max_depth = 3}) ==
        "doc: $[1][0][0] is too deeply nested, expected at most 3 levels");
  CHECK(contains(message_of(std::string(1'000'000, '[')), "too deeply nested, expected at most 32 levels"));
}

TEST_CASE("more values than the limit are an error") {
  CHECK_NOTHROW(parse("[1, 2]", {.max_values = 3}));
  CHECK(message_of("[1, 2, 3]", {.max_values = 3}) ==
        "doc: $ is made of more than 3 values, expected a smaller document");
}

TEST_CASE("text that is not JSON is an error with line, column and byte") {
  CHECK(contains(message_of(""), "doc: not valid JSON: parse error at line 1, column 1: "));
  CHECK(contains(message_of(""), "unexpected end of input"));
  CHECK(contains(message_of("{\n  \"a\": tru}"), "doc: not valid JSON: parse error at line 2, column 11: "));
  for (const char* text :
       {"{", "[1,]", "{\"a\" 1}", "{'a': 1}", "NaN", "[Infinity]", "// note\n1", "1 2", "01", "+1", "\"\t\""}) {
    CHECK(contains(message_of(text), "doc: not valid JSON: "));
  }
}

TEST_CASE("a number that no double can hold is an error") {
  CHECK(message_of("[1e999]") == "doc: not valid JSON: number overflow parsing '1e999' (byte 6)");
}

TEST_CASE("invalid UTF-8 and lone surrogates are errors whose message is valid UTF-8") {
  // 0xC3 0x28: a broken two-byte sequence; 0xC0 0xAF: overlong; 0xED 0xA0 0x80: a surrogate (RFC 3629, section 3).
  for (const char* text : {"\"\xC3\x28\"", "\"\xC0\xAF\"", "\"\xED\xA0\x80\"", "\"\xFF\"", "\xFF", "\"\\ud800\""}) {
    const std::string message = message_of(text);
    CHECK(contains(message, "doc: not valid JSON: "));
    CHECK_NOTHROW(nlohmann::json(message).dump());  // throws for invalid UTF-8
  }
}

TEST_CASE("a message stays short however long the document's words are") {
  const std::string key(100'000, 'k');
  CHECK(message_of("{\"" + key + "\": 1, \"" + key + "\": 2}").size() < 200);
  CHECK(message_of("[1e" + std::string(100'000, '9') + "]").size() < 300);
}

TEST_CASE("strings are cut between code points and escaped") {
  using mediscan::bundle::string_literal;
  CHECK(string_literal("a\"\n") == R"("a\"\n")");
  const std::string text = std::string(59, 'x') + "\xC3\xA4";  // the umlaut straddles the cut at 60 bytes
  CHECK(string_literal(text) == "\"" + std::string(59, 'x') + "...\"");
}
