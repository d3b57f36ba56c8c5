#include "quantization/histogram.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace mediscan::quantization {

TEST_CASE("a range grows with what it includes, and zero is always in it") {
  Range range;
  range.include(std::vector<float>{2, 5});
  CHECK(range.low == 0);
  CHECK(range.high == 5);
  range.include(std::vector<float>{-3, 1});
  CHECK(range.low == -3);
  CHECK(range.high == 5);
  range.include({});
  CHECK(range.width() == 8);
}

TEST_CASE("numbers are counted in the bin that holds them, zeros apart, what lies beyond in the outermost") {
  Histogram histogram(Range{-1, 1});
  histogram.add(std::vector<float>{-1, 1, 0, 0, -7, 9, 0.0001F});
  CHECK(histogram.count(0) == 2);
  CHECK(histogram.count(Histogram::bins - 1) == 2);
  CHECK(histogram.count(Histogram::bins / 2) == 1);
  CHECK(histogram.zeros() == 2);
  CHECK(histogram.value(0) == doctest::Approx(-1 + 1.0 / Histogram::bins));
  CHECK(histogram.value(Histogram::bins - 1) == doctest::Approx(1 - 1.0 / Histogram::bins));
}

TEST_CASE("a layer that gives nothing but zeros has no width and counts") {
  Histogram histogram(Range{});
  histogram.add(std::vector<float>(10));
  CHECK(histogram.zeros() == 10);
  CHECK(histogram.range().width() == 0);
}

}  // namespace mediscan::quantization
