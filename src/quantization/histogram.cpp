#include "quantization/histogram.hpp"

#include <algorithm>

namespace mediscan::quantization {

void Range::include(std::span<const float> values) noexcept {
  float lowest = 0;
  float highest = 0;
  for (const float value : values) {
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
  }
  low = std::min(low, double{lowest});
  high = std::max(high, double{highest});
}

void Histogram::add(std::span<const float> values) noexcept {
  const double width = range_.width();
  const double bins_per_unit = width > 0 ? bins / width : 0;
  for (const float value : values) {
    if (value == 0) {
      ++zeros_;
      continue;
    }
    const double place = (double{value} - range_.low) * bins_per_unit;
    ++counts_[static_cast<std::size_t>(std::clamp(place, 0.0, double{bins - 1}))];
  }
}

}  // namespace mediscan::quantization
