// Rows of a picture on demand, in the sample type and channels that the recipe computes in: a view of what was decoded,
// converted row by row where that is needed, so that no converted copy of a whole picture is ever made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mediscan/image.hpp>
#include <memory>
#include <vector>

#include "preprocess/geometry.hpp"
#include "preprocess/resize_kernels.hpp"

namespace mediscan::recipe {

/// Samples that this room made: height x width x channels, interleaved, row_padding bytes behind them.
template <class Sample>
struct Pixels {
  Size size;
  std::uint32_t channels = 0;
  std::unique_ptr<Sample[]> samples;

  Pixels() = default;
  Pixels(Size of, std::uint32_t channel_count)
      : size(of),
        channels(channel_count),
        samples(std::make_unique_for_overwrite<Sample[]>(row_samples() * size.height + row_padding)) {}
  [[nodiscard]] std::size_t row_samples() const { return std::size_t{size.width} * channels; }
  [[nodiscard]] Sample* row(std::uint32_t y) { return samples.get() + y * row_samples(); }
};

template <class Sample>
class RowSource {
 public:
  RowSource(Size size, std::uint32_t channels) : size_(size), channels_(channels) {}
  virtual ~RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;

  [[nodiscard]] Size size() const { return size_; }
  [[nodiscard]] std::uint32_t channels() const { return channels_; }
  [[nodiscard]] std::size_t row_samples() const { return std::size_t{size_.width} * channels_; }
  /// What `scratch` of row() must hold.
  [[nodiscard]] std::size_t scratch_samples() const { return row_samples() + row_padding; }

  /// Column 0 of row `y`, of which columns [begin, end) are there and row_padding bytes behind `end` may be read.
  /// Either within the picture or in `scratch`, which must outlive the use.
  virtual const Sample* row(std::uint32_t y, std::uint32_t begin, std::uint32_t end, Sample* scratch) = 0;

 private:
  Size size_;
  std::uint32_t channels_;
};

/// Which part of some samples is the picture, and whether RGB is to become grey.
struct Region {
  Span rows;
  Span columns;
  bool to_gray = false;
};

std::unique_ptr<RowSource<std::uint8_t>> byte_rows(const Image& image, const Region& region, const Kernels& kernels);
std::unique_ptr<RowSource<std::uint8_t>> byte_rows(const Pixels<std::uint8_t>& pixels, const Region& region);

/// 8- or 16-bit samples as float32. Grey of RGB is taken from the integers, by the same formula at every depth.
std::unique_ptr<RowSource<float>> float_rows(const Image& image, const Region& region);
std::unique_ptr<RowSource<float>> float_rows(const Pixels<std::uint8_t>& pixels, const Region& region);
std::unique_ptr<RowSource<float>> float_rows(const Pixels<float>& pixels, const Region& region);

}  // namespace mediscan::recipe
