// The log callback: heard when there is a listener, harmless when there is none or when it fails.
#include "base/log.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using mediscan::LogLevel;
using mediscan::base::Log;

TEST_CASE("a listener gets level and text") {
  std::vector<std::pair<LogLevel, std::string>> heard;
  const Log log([&](LogLevel level, std::string_view message) { heard.emplace_back(level, message); });
  log(LogLevel::warning, "falling back to mock");
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].first == LogLevel::warning);
  CHECK(heard[0].second == "falling back to mock");
}

TEST_CASE("without a listener nothing happens") {
  const Log silent;
  CHECK_NOTHROW(silent(LogLevel::error, "unheard"));
}

TEST_CASE("a listener that throws disturbs no one") {
  const Log log([](LogLevel, std::string_view) { throw std::runtime_error("disk full"); });
  CHECK_NOTHROW(log(LogLevel::info, "written nowhere"));
}
