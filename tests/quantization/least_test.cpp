#include "quantization/least.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <set>

namespace mediscan::quantization {

TEST_CASE("the least number that will do is found with few tries, none twice") {
  for (std::size_t most = 1; most <= 70; ++most) {
    for (std::size_t least = 1; least <= most; ++least) {
      CAPTURE(most);
      CAPTURE(least);
      std::set<std::size_t> tried;
      const auto found = least_that(most, [&](std::size_t number) {
        CHECK(number >= 1);
        CHECK(number <= most);
        CHECK(tried.insert(number).second);
        return number >= least;
      });
      CHECK(found == least);
      CHECK(tried.size() <= 2 * static_cast<std::size_t>(std::bit_width(most)) + 2);
    }
  }
}

TEST_CASE("nothing is found where nothing will do, and the largest was tried") {
  for (std::size_t most = 1; most <= 70; ++most) {
    std::size_t largest = 0;
    CHECK_FALSE(least_that(most, [&](std::size_t number) {
                  largest = std::max(largest, number);
                  return false;
                }).has_value());
    CHECK(largest == most);
  }
  CHECK_FALSE(least_that(0, [](std::size_t) { return true; }).has_value());
}

TEST_CASE("where more may do worse, what is found is one that was seen to do") {
  const auto odd = [](std::size_t number) { return number == 4 || number == 3; };
  CHECK(least_that(9, odd) == 3);
}

}  // namespace mediscan::quantization
