// How long a batch of each size takes on this machine, today: measured with every batch, as a smoothed mean and
// deviation (the estimator of Jacobson 1988, "Congestion avoidance and control": gains 1/8 and 1/4).
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace mediscan::schedule {

class LatencyModel {
 public:
  using Duration = std::chrono::duration<double, std::milli>;

  struct Entry {
    std::uint32_t batch = 0;
    Duration mean{0};
    Duration deviation{0};
    std::uint64_t samples = 0;  ///< 0: known from the cold first run only, or not at all
  };

  /// `buckets` rising, not empty.
  explicit LatencyModel(const std::vector<std::uint32_t>& buckets);

  /// The first run of a bucket, which also builds primitives: an upper bound until the first real sample replaces it.
  void seed(std::uint32_t batch, Duration took) noexcept;
  void observe(std::uint32_t batch, Duration took) noexcept;

  /// What a batch of this size will take, with a margin of two deviations. While only its cold run is known, half of
  /// that: rather try a job than refuse it for want of knowledge. 0 when nothing is known.
  [[nodiscard]] Duration expected(std::uint32_t batch) const noexcept;
  [[nodiscard]] Duration mean(std::uint32_t batch) const noexcept;
  /// Time a picture at the largest bucket that is known.
  [[nodiscard]] Duration per_picture() const noexcept;

  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }

 private:
  [[nodiscard]] const Entry* find(std::uint32_t batch) const noexcept;

  std::vector<Entry> entries_;
};

}  // namespace mediscan::schedule
