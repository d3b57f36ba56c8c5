// The weights of a resampling pass along one axis, as Pillow computes them, and the cache that keeps the tables of
// recent sizes.
//
// With scale = (box_end - box_start) / out in double (the difference in float32), s = max(scale, 1) and support =
// filter's support x s, output position i has centre = box_start + (i + 0.5) scale and takes input positions
//   first = max(0, int(centre - support + 0.5)) to min(in, int(centre + support + 0.5)) - 1,
// each weighted by filter((position - centre + 0.5) x (1 / s)), divided by their sum. In 8-bit arithmetic a weight w
// becomes the integer nearest to w x 2^22, halves away from zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mediscan/preprocess.hpp>
#include <memory>
#include <vector>

#include "preprocess/resize_kernels.hpp"

namespace mediscan::recipe {

/// One axis of a resampling: `in` samples, of which [box_start, box_end] become `out`; only [first, first + count) are
/// wanted. The source may lack the first `missing` samples: tables then count from the first that is there.
struct AxisResize {
  std::uint32_t in = 0;
  std::uint32_t out = 0;
  float box_start = 0;
  float box_end = 0;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  Filter filter = Filter::bilinear;
  std::uint32_t missing = 0;

  /// Pillow skips a pass that would change nothing.
  [[nodiscard]] bool is_needed() const { return in != out || box_start != 0.0F || box_end != static_cast<float>(out); }
  friend bool operator==(const AxisResize&, const AxisResize&) = default;
};

/// Real weights, for float32 arithmetic. Positions are relative to the wanted outputs.
struct RealTaps {
  std::vector<std::int32_t> first;
  std::vector<std::int32_t> count;
  std::vector<double> weights;  ///< outputs x stride
  std::size_t stride = 0;

  [[nodiscard]] std::size_t bytes() const { return weights.size() * sizeof(double) + first.size() * 8; }
};

/// Integer weights, for 8-bit arithmetic.
struct FixedTaps {
  std::vector<std::int32_t> first;
  std::vector<std::int32_t> count;
  std::vector<std::int32_t> weights;  ///< outputs x stride, as are high and low but for some zeros behind
  std::vector<std::int16_t> high;
  std::vector<std::int16_t> low;
  std::size_t stride = 0;

  [[nodiscard]] TapView view() const {
    return {first.data(), count.data(), weights.data(), high.data(), low.data(), stride, first.size()};
  }
  [[nodiscard]] std::size_t bytes() const { return weights.size() * 8 + first.size() * 8; }
};

/// Input positions that a pass reads.
struct Reach {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};
/// Those of the wanted outputs, counted from the first sample of `in` whether the source lacks it or not.
Reach reach_of(const AxisResize& axis);

RealTaps make_real_taps(const AxisResize& axis);
FixedTaps make_fixed_taps(const AxisResize& axis);

/// The same from the process-wide cache. Thread-safe; a table stays valid while its pointer is held.
std::shared_ptr<const RealTaps> real_taps(const AxisResize& axis);
std::shared_ptr<const FixedTaps> fixed_taps(const AxisResize& axis);

/// What the caches hold now, both together. For tests of their bounds.
struct CacheUse {
  std::size_t tables = 0;
  std::size_t bytes = 0;
};
CacheUse tap_cache_use();
inline constexpr std::size_t max_cached_tables = 64;        ///< a kind of table
inline constexpr std::size_t max_cached_bytes = 16U << 20;  ///< a kind of table

}  // namespace mediscan::recipe
