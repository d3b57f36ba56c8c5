// The shared pieces where the whole records do not show them.
#include "result/json_parts.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "errors.hpp"

using namespace mediscan::result;

TEST_CASE("numbers that are not finite are refused or shown as null, as the record asks") {
  for (const double value :
       {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    CHECK(finite_or_null(value).is_null());
    CHECK(mediscan::test::error_of([&] { finite(value, "x"); }).code() == mediscan::ErrorCode::internal);
  }
  CHECK(finite_or_null(-0.5) == -0.5);
  CHECK(finite(-0.5, "x") == -0.5);
}

TEST_CASE("an empty list of warnings is a list, and one warning is a list of one object") {
  CHECK(warnings_json({}).dump() == "[]");
  CHECK(warnings_json({{"A", "b"}}).dump() == R"([{"code":"A","message":"b"}])");
}
