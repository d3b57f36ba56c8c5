#include "cli/options.hpp"

#include <doctest/doctest.h>

namespace mediscan::cli {

TEST_CASE("bytes take binary and decimal units") {
  CHECK(parse_quantity("1000", true) == 1000U);
  CHECK(parse_quantity("64M", true) == 64ULL << 20);
  CHECK(parse_quantity("256MiB", true) == 256ULL << 20);
  CHECK(parse_quantity("256mib", true) == 256ULL << 20);
  CHECK(parse_quantity("5MB", true) == 5'000'000U);
  CHECK(parse_quantity("2g", true) == 2ULL << 30);
  CHECK(parse_quantity("7B", true) == 7U);
}

TEST_CASE("pixels take decimal units") {
  CHECK(parse_quantity("64M", false) == 64'000'000U);
  CHECK(parse_quantity("64MP", false) == 64'000'000U);
  CHECK(parse_quantity("16K", false) == 16'000U);
  CHECK(parse_quantity("1MiB", false) == std::nullopt);
}

TEST_CASE("what is no quantity is refused") {
  for (const char* text : {"", "M", "-1", "1.5M", "1 M", "64X", "0x10", "99999999999999999999", "9223372036854775808",
                           "9007199254740993K"}) {
    CAPTURE(text);
    CHECK(parse_quantity(text, true) == std::nullopt);
  }
}

TEST_CASE("a model may be named by its manifest") {
  CHECK(bundle_folder("models/skin") == "models/skin");
  CHECK(bundle_folder("models/skin/mediscan.json") == "models/skin");
  CHECK(bundle_folder("mediscan.json") == ".");
}

}  // namespace mediscan::cli
