// How the numbers of a layer's output are spread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace mediscan::quantization {

/// Zero always lies inside: bytes must be able to stand for it exactly.
struct Range {
  double low = 0;
  double high = 0;

  void include(std::span<const float> values) noexcept;
  [[nodiscard]] double width() const noexcept { return high - low; }
};

class Histogram {
 public:
  static constexpr std::size_t bins = 2048;

  /// Of numbers within `range`; those outside count as its ends.
  explicit Histogram(const Range& range) noexcept : range_(range) {}

  void add(std::span<const float> values) noexcept;

  [[nodiscard]] const Range& range() const noexcept { return range_; }
  /// Middle of a bin.
  [[nodiscard]] double value(std::size_t bin) const noexcept {
    return range_.low + (static_cast<double>(bin) + 0.5) * range_.width() / bins;
  }
  /// Zeros are not among them: a ReLU makes so many that they would hide the rest, and bytes stand for them exactly.
  [[nodiscard]] std::uint64_t count(std::size_t bin) const noexcept { return counts_[bin]; }
  [[nodiscard]] std::uint64_t zeros() const noexcept { return zeros_; }

 private:
  Range range_;
  std::array<std::uint64_t, bins> counts_{};
  std::uint64_t zeros_ = 0;
};

}  // namespace mediscan::quantization
