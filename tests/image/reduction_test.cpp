#include "image/reduction.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace mediscan::image;

TEST_CASE("sides are divided and rounded up") {
  CHECK(reduced(600, 8) == 75);
  CHECK(reduced(601, 8) == 76);
  CHECK(reduced(607, 4) == 152);
  CHECK(reduced(1, 8) == 1);
  CHECK(reduced(7, 1) == 7);
  CHECK(reduced(Sides{4001, 3000}, 4) == Sides{1001, 750});
  CHECK(divides(8, {4000, 3000}));
  CHECK_FALSE(divides(8, {4000, 3001}));
}

TEST_CASE("the divisor is the one that Pillow's Image.draft takes") {
  // draft: scale = min(width // wanted width, height // wanted height), then the first of 8, 4, 2, 1 that is no larger.
  const auto draft = [](const Sides& sides, const Sides& wanted) {
    const std::uint32_t scale = std::min(sides.width / wanted.width, sides.height / wanted.height);
    for (const std::uint32_t divisor : {8U, 4U, 2U}) {
      if (scale >= divisor) return divisor;
    }
    return 1U;
  };
  int differing = 0;
  int seen[9] = {};
  for (std::uint32_t width = 1; width < 400; width += 7) {
    for (std::uint32_t height = 1; height < 400; height += 5) {
      for (std::uint32_t wanted = 1; wanted < 90; wanted += 3) {
        for (const std::uint32_t other : {wanted, wanted * 2, wanted / 2 + 1}) {
          const std::uint32_t divisor = divisor_for({width, height}, Sides{wanted, other}, false);
          differing += divisor != draft({width, height}, {wanted, other}) ? 1 : 0;
          ++seen[divisor];
        }
      }
    }
  }
  CHECK(differing == 0);
  for (const int divisor : {1, 2, 4, 8}) CHECK(seen[divisor] > 10'000);
}

TEST_CASE("what is enough is never undercut, at the very bounds") {
  CHECK(divisor_for({800, 800}, Sides{100, 100}, false) == 8);
  CHECK(divisor_for({799, 800}, Sides{100, 100}, false) == 4);
  CHECK(divisor_for({800, 800}, Sides{100, 101}, false) == 4);
  CHECK(divisor_for({800, 200}, Sides{100, 100}, false) == 2);
  CHECK(divisor_for({800, 199}, Sides{100, 100}, false) == 1);
  CHECK(divisor_for({65535, 65535}, Sides{0xffff'ffff, 1}, false) == 1);
}

TEST_CASE("where nothing is said to be enough the size stays") {
  CHECK(divisor_for({8000, 8000}, std::nullopt, false) == 1);
  CHECK(divisor_for({8000, 8000}, std::nullopt, true) == 1);
}

TEST_CASE("where pixels must lie within the picture the divisor leaves no rest on either side") {
  CHECK(divisor_for({800, 800}, Sides{10, 10}, true) == 8);
  CHECK(divisor_for({800, 804}, Sides{10, 10}, true) == 4);
  CHECK(divisor_for({802, 800}, Sides{10, 10}, true) == 2);
  CHECK(divisor_for({801, 800}, Sides{10, 10}, true) == 1);
}
