// A value is read only as what was sealed, under its own key, with our own secret.
#include "cache/value.hpp"

#include <doctest/doctest.h>

#include <string>

#include "cache/stored_form.hpp"
#include "errors.hpp"
#include "example_results.hpp"

namespace mediscan::cache {
namespace {

const ValueSeal seal("a secret of ours, 32 bytes long!");

TEST_CASE("results of both kinds come back whole") {
  for (const Result& result : {test::skin_result(), test::radiology_result()}) {
    for (const ValueSeal& each : {seal, ValueSeal("")}) {
      const auto opened = each.opened("key", each.sealed("key", result));
      REQUIRE(opened.has_value());
      CHECK(to_json(*opened) == to_json(result));
    }
  }
}

TEST_CASE("a value of another key is refused, with and without a secret") {
  for (const ValueSeal& each : {seal, ValueSeal("")}) {
    const std::string value = each.sealed("key", test::skin_result());
    CHECK_FALSE(each.opened("kez", value).has_value());
    CHECK_FALSE(each.opened("", value).has_value());
  }
}

TEST_CASE("a value of another secret, or of none, is refused, and so is one with a seal where none is set") {
  const std::string value = seal.sealed("key", test::skin_result());
  CHECK_FALSE(ValueSeal("another secret of 32 bytes......").opened("key", value).has_value());
  CHECK_FALSE(ValueSeal("").opened("key", value).has_value());
  CHECK_FALSE(seal.opened("key", ValueSeal("").sealed("key", test::skin_result())).has_value());
}

TEST_CASE("a flipped bit anywhere is refused") {
  for (const ValueSeal& each : {seal, ValueSeal("")}) {
    const std::string value = each.sealed("key", test::skin_result());
    for (std::size_t i = 0; i < value.size(); ++i) {
      std::string damaged = value;
      damaged[i] = static_cast<char>(damaged[i] ^ 1);
      if (each.opened("key", damaged).has_value()) FAIL("byte ", i, " may be changed");
    }
  }
}

TEST_CASE("a value that ends early or goes on is refused") {
  const std::string value = seal.sealed("key", test::skin_result());
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{36}, std::size_t{37}, value.size() - 1})
    CHECK_FALSE(seal.opened("key", value.substr(0, size)).has_value());
  CHECK_FALSE(seal.opened("key", value + " ").has_value());
}

TEST_CASE("a value of another version is refused") {
  std::string value = seal.sealed("key", test::skin_result());
  REQUIRE(value.starts_with(stored_form));
  ++value[3];
  CHECK_FALSE(seal.opened("key", value).has_value());
}

TEST_CASE("a result too large to be kept is an error, and a value too large is refused unread") {
  Result result = test::skin_result();
  result.warnings[0].message = std::string(most_value_bytes, 'x');
  CHECK(test::error_of([&] { (void)seal.sealed("key", result); }).code() == ErrorCode::internal);
  CHECK_FALSE(seal.opened("key", std::string(most_value_bytes + 1, 'x')).has_value());
}

}  // namespace
}  // namespace mediscan::cache
