#include "quantization/clipping.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace mediscan::quantization {
namespace {

/// Absolute values of a normal distribution, and a few numbers far outside it: what a layer after a ReLU gives.
std::vector<float> activations(std::size_t count, std::size_t outliers) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = std::abs(normal(random));
  for (std::size_t i = 0; i < outliers; ++i) values[i * 997 % count] = 100;
  return values;
}

Histogram histogram_of(const std::vector<float>& values) {
  Range range;
  range.include(values);
  Histogram histogram(range);
  histogram.add(values);
  return histogram;
}

/// Mean squared error of the numbers themselves, rounded as the int8 network rounds.
double measured_error(const std::vector<float>& values, const Range& range) {
  const backend::ByteScale bytes = byte_scale(range);
  double sum = 0;
  for (const float value : values) {
    const double byte = std::clamp(std::nearbyint(double{value} / bytes.scale + bytes.zero_point), 0.0, 255.0);
    const double error = bytes.scale * (byte - bytes.zero_point) - value;
    sum += error * error;
  }
  return sum / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("zero has a byte of its own whatever the range") {
  for (const Range& range : {Range{0, 1}, Range{-1, 1}, Range{-0.3, 7.1}, Range{-5, 0}}) {
    const auto bytes = byte_scale(range);
    CHECK(bytes.scale == doctest::Approx(range.width() / 255));
    CHECK(std::abs(-range.low / bytes.scale - bytes.zero_point) <= 0.5);
  }
  CHECK(byte_scale({0, 1}).zero_point == 0);
  CHECK(byte_scale({-5, 0}).zero_point == 255);
}

TEST_CASE("a layer without width gets a scale that bytes can have") {
  CHECK(byte_scale({}).scale == 1);
  CHECK(byte_scale({0, 1e-45}).scale == 1);
  const Histogram zeros{Range{}};
  for (const auto method : {Calibration::min_max, Calibration::percentile, Calibration::mse, Calibration::entropy}) {
    CHECK(clip(zeros, method, 99).width() == 0);
  }
}

TEST_CASE("min_max keeps everything that was seen") {
  const auto values = activations(10'000, 3);
  CHECK(clip(histogram_of(values), Calibration::min_max, 50.1).high == doctest::Approx(100));
}

TEST_CASE("percentile leaves so many numbers outside and no more, zeros among those that count") {
  auto values = activations(100'000, 0);
  const auto beyond = [&](const Range& range) {
    return std::ranges::count_if(values, [&](float value) { return value > range.high || value < range.low; });
  };
  CHECK(beyond(clip(histogram_of(values), Calibration::percentile, 99)) <= 1000);
  CHECK(beyond(clip(histogram_of(values), Calibration::percentile, 99)) >= 900);
  values.resize(200'000);
  CHECK(beyond(clip(histogram_of(values), Calibration::percentile, 99)) >= 1900);
  CHECK(beyond(clip(histogram_of(values), Calibration::percentile, 100)) == 0);
}

TEST_CASE("percentile cuts both ends of numbers of both signs") {
  std::vector<float> values = activations(100'000, 0);
  for (std::size_t i = 0; i < values.size(); i += 2) values[i] = -values[i];
  const Range range = clip(histogram_of(values), Calibration::percentile, 99);
  CHECK(std::ranges::count_if(values, [&](float value) { return value > range.high; }) <= 1000);
  CHECK(std::ranges::count_if(values, [&](float value) { return value < range.low; }) <= 1000);
  CHECK(range.low < -2);
  CHECK(range.high > 2);
}

TEST_CASE("mse finds the range with the least error among all that it tries, measured on the numbers themselves") {
  for (const std::size_t outliers : {0, 1, 50}) {
    const auto values = activations(100'000, outliers);
    const Range chosen = clip(histogram_of(values), Calibration::mse, 0);
    double least = 1e300;
    for (int percent = 15; percent <= 100; ++percent) {
      least = std::min(least, measured_error(values, {0, chosen.high / 100 * percent}));
      least = std::min(least, measured_error(values, {0, chosen.high * 100 / percent}));
    }
    CAPTURE(outliers);
    CHECK(measured_error(values, chosen) <= least * 1.02);
  }
}

TEST_CASE("entropy cuts a tail of outliers that min_max would keep, and keeps numbers that are spread evenly") {
  const Range cut = clip(histogram_of(activations(100'000, 5)), Calibration::entropy, 0);
  CHECK(cut.high < 50);
  std::vector<float> even(100'000);
  for (std::size_t i = 0; i < even.size(); ++i) even[i] = static_cast<float>(i) / 1000;
  CHECK(clip(histogram_of(even), Calibration::entropy, 0).high > 90);
}

TEST_CASE("the signal-to-noise ratio is that of the numbers themselves") {
  const auto values = activations(100'000, 0);
  const Histogram histogram = histogram_of(values);
  double power = 0;
  for (const float value : values) power += double{value} * value;
  power /= static_cast<double>(values.size());
  for (const double high : {1.0, 2.5, 4.0}) {
    CAPTURE(high);
    CHECK(sqnr_db(histogram, {0, high}) ==
          doctest::Approx(10 * std::log10(power / measured_error(values, {0, high}))).epsilon(0.02));
  }
}

}  // namespace mediscan::quantization
