#include "preprocess/coefficients.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "preprocess/tap_cache.hpp"

namespace mediscan::recipe {
namespace {

double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double bilinear(double x) {
  const double distance = std::abs(x);
  return distance < 1.0 ? 1.0 - distance : 0.0;
}

/// Keys' cubic convolution with a = -0.5.
double bicubic(double x) {
  constexpr double a = -0.5;
  const double d = std::abs(x);
  if (d < 1.0) return ((a + 2.0) * d - (a + 3.0)) * d * d + 1;
  if (d < 2.0) return (((d - 5) * d + 8) * d - 4) * a;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  const double angle = x * std::numbers::pi;
  return std::sin(angle) / angle;
}

double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

struct FilterShape {
  double (*weight)(double);
  double support;
};

FilterShape shape_of(Filter filter) {
  switch (filter) {
    case Filter::box:
      return {box, 0.5};
    case Filter::bicubic:
      return {bicubic, 2.0};
    case Filter::lanczos:
      return {lanczos, 3.0};
    case Filter::bilinear:
      break;
  }
  return {bilinear, 1.0};
}

// Never destroyed: threads may outlive static objects.
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): a cache changes
TapCache<RealTaps>& real_cache() {
  static auto* const cache = new TapCache<RealTaps>(max_cached_tables, max_cached_bytes);
  return *cache;
}

TapCache<FixedTaps>& fixed_cache() {
  static auto* const cache = new TapCache<FixedTaps>(max_cached_tables, max_cached_bytes);
  return *cache;
}
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

/// Pillow's rounding to a position: half up above 0, towards 0 below, where it is cut off anyway.
int position(double exact) {
  return static_cast<int>(exact + 0.5);  // NOLINT(bugprone-incorrect-roundings): this very rounding is wanted
}

}  // namespace

RealTaps make_real_taps(const AxisResize& axis) {
  const FilterShape shape = shape_of(axis.filter);
  const double scale = static_cast<double>(axis.box_end - axis.box_start) / axis.out;
  const double filter_scale = std::max(scale, 1.0);
  const double inverse = 1.0 / filter_scale;
  const double support = shape.support * filter_scale;

  RealTaps taps;
  taps.stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  taps.first.resize(axis.count);
  taps.count.resize(axis.count);
  taps.weights.resize(axis.count * taps.stride);
  for (std::size_t i = 0; i < axis.count; ++i) {
    const double centre = axis.box_start + (axis.first + static_cast<double>(i) + 0.5) * scale;
    const int first = std::max(0, position(centre - support));
    const int end = std::min(static_cast<int>(axis.in), position(centre + support));
    double* weights = taps.weights.data() + i * taps.stride;
    double sum = 0.0;
    for (int x = first; x < end; ++x) {
      const double weight = shape.weight((x - centre + 0.5) * inverse);
      weights[x - first] = weight;
      sum += weight;
    }
    for (int x = first; x < end && sum != 0.0; ++x) weights[x - first] /= sum;
    taps.first[i] = first;
    taps.count[i] = end - first;
  }
  return taps;
}

FixedTaps make_fixed_taps(const AxisResize& axis) {
  constexpr std::size_t stride_unit = 16;
  const RealTaps real = make_real_taps(axis);
  FixedTaps taps;
  taps.first = real.first;
  taps.count = real.count;
  taps.stride = (real.stride + stride_unit - 1) / stride_unit * stride_unit;
  taps.weights.resize(axis.count * taps.stride);
  taps.high.resize(taps.weights.size() + stride_unit);
  taps.low.resize(taps.weights.size() + stride_unit);
  for (std::size_t i = 0; i < axis.count; ++i) {
    for (std::size_t x = 0; x < real.stride; ++x) {
      const double exact = real.weights[i * real.stride + x] * (1 << weight_bits);
      const auto weight = static_cast<std::int32_t>(exact < 0 ? exact - 0.5 : exact + 0.5);
      const std::size_t at = i * taps.stride + x;
      taps.weights[at] = weight;
      taps.high[at] = static_cast<std::int16_t>(weight >> low_bits);
      taps.low[at] = static_cast<std::int16_t>(weight & ((1 << low_bits) - 1));
    }
  }
  return taps;
}

std::shared_ptr<const RealTaps> real_taps(const AxisResize& axis) { return real_cache().get(axis, make_real_taps); }

std::shared_ptr<const FixedTaps> fixed_taps(const AxisResize& axis) { return fixed_cache().get(axis, make_fixed_taps); }

CacheUse tap_cache_use() {
  const CacheUse real = real_cache().use();
  const CacheUse fixed = fixed_cache().use();
  return {real.tables + fixed.tables, real.bytes + fixed.bytes};
}

}  // namespace mediscan::recipe
