#include "schedule/buckets.hpp"

#include <doctest/doctest.h>

namespace mediscan::schedule {
namespace {

using Sizes = std::vector<std::uint32_t>;

TEST_CASE("batch sizes are powers of two up to the largest, which is one of them whatever it is") {
  CHECK(batch_buckets(1) == Sizes{1});
  CHECK(batch_buckets(2) == Sizes{1, 2});
  CHECK(batch_buckets(8) == Sizes{1, 2, 4, 8});
  CHECK(batch_buckets(6) == Sizes{1, 2, 4, 6});
}

TEST_CASE("any number of waiting pictures is cut into warmed sizes without remainder") {
  for (const std::uint32_t most : {1U, 5U, 8U, 64U}) {
    const Sizes buckets = batch_buckets(most);
    for (std::size_t waiting = 1; waiting < 200; ++waiting) {
      std::size_t left = waiting;
      while (left > 0) {
        const std::uint32_t size = next_batch(buckets, left);
        REQUIRE(size >= 1);
        REQUIRE(size <= left);
        left -= size;
      }
    }
    CHECK(next_batch(buckets, 1000) == most);
  }
}

TEST_CASE("the smallest size that holds what waits, the largest when none does") {
  const std::vector<std::uint32_t> buckets = {1, 2, 4};
  CHECK(smallest_that_holds(buckets, 1) == 1);
  CHECK(smallest_that_holds(buckets, 3) == 4);
  CHECK(smallest_that_holds(buckets, 40) == 4);
}

}  // namespace
}  // namespace mediscan::schedule
