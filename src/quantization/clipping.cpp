#include "quantization/clipping.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace mediscan::quantization {
namespace {

constexpr int levels = 256;
// Both ends of a range shrink alike, in hundredths; below a seventh there would be fewer bins than levels.
constexpr int narrowest_percent = 15;

Range shrunk(const Range& range, int percent) {
  const double factor = percent / 100.0;
  return {range.low * factor, range.high * factor};
}

/// Sum of squared errors over the numbers counted.
double squared_error(const Histogram& histogram, const Range& range) {
  const double step = range.width() / (levels - 1);
  double sum = 0;
  for (std::size_t bin = 0; bin < Histogram::bins; ++bin) {
    const double value = histogram.value(bin);
    const double beyond = value - std::clamp(value, range.low, range.high);
    sum += static_cast<double>(histogram.count(bin)) * (beyond != 0 ? beyond * beyond : step * step / 12);
  }
  return sum;
}

/// Kullback-Leibler divergence of the numbers as bytes tell them from the numbers cut to the range. As in Migacz,
/// "8-bit Inference with TensorRT" (GTC 2017): what lies outside is added to the outermost bins of the true
/// distribution alone, and each level's count is spread over those of its bins that are not empty.
double divergence(const Histogram& histogram, const Range& range) {
  std::array<double, Histogram::bins> truth{};
  std::array<double, levels> level_count{};
  std::array<double, levels> level_bins{};
  const auto level_of = [&](double value) {
    const double place = (value - range.low) / range.width() * levels;
    return static_cast<std::size_t>(std::clamp(place, 0.0, double{levels - 1}));
  };
  std::size_t first = Histogram::bins;
  std::size_t last = 0;
  for (std::size_t bin = 0; bin < Histogram::bins; ++bin) {
    if (histogram.value(bin) < range.low || histogram.value(bin) > range.high) continue;
    first = std::min(first, bin);
    last = std::max(last, bin);
  }
  if (first > last) return std::numeric_limits<double>::infinity();
  double all = 0;
  double inside = 0;
  for (std::size_t bin = 0; bin < Histogram::bins; ++bin) {
    const auto count = static_cast<double>(histogram.count(bin));
    truth[std::clamp(bin, first, last)] += count;
    all += count;
    if (bin < first || bin > last || count == 0) continue;
    const std::size_t level = level_of(histogram.value(bin));
    level_count[level] += count;
    level_bins[level] += 1;
    inside += count;
  }
  if (inside == 0) return std::numeric_limits<double>::infinity();
  double sum = 0;
  for (std::size_t bin = first; bin <= last; ++bin) {
    if (truth[bin] == 0) continue;
    const std::size_t level = level_of(histogram.value(bin));
    // An edge bin that holds outliers alone: a level that tells nothing of them, rather than an infinite divergence.
    const double told =
        level_bins[level] > 0 && histogram.count(bin) > 0 ? level_count[level] / level_bins[level] / inside : 1e-9;
    sum += truth[bin] / all * std::log(truth[bin] / all / told);
  }
  return sum;
}

template <class Cost>
Range cheapest(const Histogram& histogram, const Cost& cost) {
  Range best = histogram.range();
  double lowest = cost(histogram, best);
  for (int percent = 99; percent >= narrowest_percent; --percent) {
    const Range range = shrunk(histogram.range(), percent);
    const double found = cost(histogram, range);
    if (found < lowest) {
      lowest = found;
      best = range;
    }
  }
  return best;
}

/// The smallest range that leaves at most (100 - percentile) % of all numbers beyond each end.
Range cut(const Histogram& histogram, double percentile) {
  auto all = static_cast<double>(histogram.zeros());
  for (std::size_t bin = 0; bin < Histogram::bins; ++bin) all += static_cast<double>(histogram.count(bin));
  const double left_out = all * (100 - percentile) / 100;
  const double bin_width = histogram.range().width() / Histogram::bins;
  Range range = histogram.range();
  double beyond = 0;
  for (std::size_t bin = Histogram::bins; bin-- > 0;) {
    beyond += static_cast<double>(histogram.count(bin));
    if (beyond > left_out || histogram.value(bin) <= 0) break;
    range.high = std::max(0.0, histogram.value(bin) - bin_width / 2);
  }
  beyond = 0;
  for (std::size_t bin = 0; bin < Histogram::bins; ++bin) {
    beyond += static_cast<double>(histogram.count(bin));
    if (beyond > left_out || histogram.value(bin) >= 0) break;
    range.low = std::min(0.0, histogram.value(bin) + bin_width / 2);
  }
  return range;
}

}  // namespace

Range clip(const Histogram& histogram, Calibration calibration, double percentile) {
  if (!(histogram.range().width() > 0)) return histogram.range();
  switch (calibration) {
    case Calibration::percentile:
      return cut(histogram, percentile);
    case Calibration::mse:
      return cheapest(histogram, squared_error);
    case Calibration::entropy:
      return cheapest(histogram, divergence);
    case Calibration::min_max:
      break;
  }
  return histogram.range();
}

backend::ByteScale byte_scale(const Range& range) {
  const auto scale = static_cast<float>(range.width() / (levels - 1));
  if (!std::isnormal(scale)) return {};
  const double zero_point = std::nearbyint(-range.low / double{scale});
  return {scale, static_cast<std::uint8_t>(std::clamp(zero_point, 0.0, 255.0))};
}

double sqnr_db(const Histogram& histogram, const Range& range) {
  constexpr double most = 200;
  double signal = 0;
  for (std::size_t bin = 0; bin < Histogram::bins; ++bin) {
    signal += static_cast<double>(histogram.count(bin)) * histogram.value(bin) * histogram.value(bin);
  }
  const double noise = squared_error(histogram, range);
  if (signal <= 0 || noise <= 0) return most;
  return std::min(most, 10 * std::log10(signal / noise));
}

}  // namespace mediscan::quantization
