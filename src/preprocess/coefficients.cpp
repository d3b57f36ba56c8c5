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

/// Where the outputs of an axis take their inputs from.
class Placement {
 public:
  explicit Placement(const AxisResize& axis)
      : shape_(shape_of(axis.filter)),
        in_(static_cast<int>(axis.in)),
        origin_(axis.box_start),
        scale_(static_cast<double>(axis.box_end - axis.box_start) / axis.out),
        filter_scale_(std::max(scale_, 1.0)),
        support_(shape_.support * filter_scale_) {}

  /// Input positions that any output may need.
  [[nodiscard]] std::size_t most_taps() const { return static_cast<std::size_t>(std::ceil(support_)) * 2 + 1; }
  [[nodiscard]] double centre(double output) const { return origin_ + (output + 0.5) * scale_; }
  [[nodiscard]] int first(double centre) const { return std::max(0, position(centre - support_)); }
  [[nodiscard]] int end(double centre) const { return std::min(in_, position(centre + support_)); }
  [[nodiscard]] double weight(int x, double centre) const {
    return shape_.weight((x - centre + 0.5) * (1.0 / filter_scale_));
  }

 private:
  FilterShape shape_;
  int in_;
  double origin_;
  double scale_;
  double filter_scale_;
  double support_;
};

}  // namespace

Reach reach_of(const AxisResize& axis) {
  const Placement place(axis);
  const double first = place.centre(axis.first);
  const double last = place.centre(static_cast<double>(axis.first) + axis.count - 1);
  return {static_cast<std::uint32_t>(place.first(first)), static_cast<std::uint32_t>(place.end(last))};
}

RealTaps make_real_taps(const AxisResize& axis) {
  const Placement place(axis);
  RealTaps taps;
  taps.stride = place.most_taps();
  taps.first.resize(axis.count);
  taps.count.resize(axis.count);
  taps.weights.resize(axis.count * taps.stride);
  for (std::size_t i = 0; i < axis.count; ++i) {
    const double centre = place.centre(axis.first + static_cast<double>(i));
    const int first = place.first(centre);
    const int end = place.end(centre);
    double* weights = taps.weights.data() + i * taps.stride;
    double sum = 0.0;
    for (int x = first; x < end; ++x) {
      const double weight = place.weight(x, centre);
      weights[x - first] = weight;
      sum += weight;
    }
    for (int x = first; x < end && sum != 0.0; ++x) weights[x - first] /= sum;
    taps.first[i] = first - static_cast<int>(axis.missing);
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
