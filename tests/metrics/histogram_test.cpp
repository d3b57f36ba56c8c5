// Quantiles against Prometheus' own expectations, and where ours must go on and Prometheus gives NaN or infinities.
#include <doctest/doctest.h>

#include <limits>
#include <mediscan/metrics.hpp>

using mediscan::Histogram;

// prometheus/prometheus, promql/promqltest/testdata/histograms.test: testhistogram_bucket at its tenth step, whose
// cumulative counts are 10 times 5, 7, 11, 12 (start="positive") and 10 times 1, 2, 2, 3 (start="negative").
TEST_CASE("quantiles are those of Prometheus' histogram_quantile") {
  const Histogram positive{{0.1, 0.2, 1}, {50, 20, 40, 10}, 120, 0};
  CHECK(positive.quantile(0) == doctest::Approx(0));
  CHECK(positive.quantile(0.2) == doctest::Approx(0.048));
  CHECK(positive.quantile(0.5) == doctest::Approx(0.15));
  CHECK(positive.quantile(0.8) == doctest::Approx(0.72));
  CHECK(positive.quantile(1) == doctest::Approx(1));

  const Histogram negative{{-0.2, -0.1, 0.3}, {10, 10, 0, 10}, 30, 0};
  CHECK(negative.quantile(0) == doctest::Approx(-0.2));
  CHECK(negative.quantile(0.2) == doctest::Approx(-0.2));
  CHECK(negative.quantile(0.5) == doctest::Approx(-0.15));
  CHECK(negative.quantile(0.8) == doctest::Approx(0.3));
  CHECK(negative.quantile(1) == doctest::Approx(0.3));
}

// Ten values: two up to 1, four up to 2, none up to 4, two up to 8, two beyond.
TEST_CASE("a quantile lies within the bucket that its rank falls into") {
  const Histogram histogram{{1, 2, 4, 8}, {2, 4, 0, 2, 2}, 10, 0};
  CHECK(histogram.quantile(0.1) == doctest::Approx(0.5));   // the first of two that share 0 to 1
  CHECK(histogram.quantile(0.2) == doctest::Approx(1));     // the second of them
  CHECK(histogram.quantile(0.5) == doctest::Approx(1.75));  // the third of four that share 1 to 2
  CHECK(histogram.quantile(0.7) == doctest::Approx(6));     // the empty bucket is stepped over
  CHECK(histogram.quantile(0.9) == doctest::Approx(8));     // beyond the last bound: that bound
}

TEST_CASE("a quantile of nothing is 0, and one outside 0 to 1 is the nearest") {
  CHECK(Histogram{}.quantile(0.5) == 0);
  CHECK(Histogram{{1, 2}, {0, 0, 0}, 0, 0}.quantile(0.5) == 0);
  const Histogram late{{1, 2}, {0, 3, 0}, 3, 0};
  CHECK(late.quantile(-1) == doctest::Approx(1));
  CHECK(late.quantile(2) == doctest::Approx(2));
  CHECK(late.quantile(std::numeric_limits<double>::quiet_NaN()) == doctest::Approx(1));
}

TEST_CASE("a histogram without bounds or with too few counts has quantiles all the same") {
  CHECK(Histogram{{}, {5}, 5, 0}.quantile(0.5) == 0);
  CHECK(Histogram{{1, 2}, {4}, 4, 0}.quantile(0.5) == doctest::Approx(0.5));
  CHECK(Histogram{{1, 2}, {}, 4, 0}.quantile(0.5) == 0);
}
