#include "preprocess/resample.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace mediscan::recipe {
namespace {

template <class Sample>
using FourIn = std::array<const Sample*, rows_at_once>;
template <class Sample>
using FourOut = std::array<Sample*, rows_at_once>;

/// Input columns that a pass reads.
struct Reach {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

template <class Taps>
Reach reach_of(const Taps& taps) {
  return {static_cast<std::uint32_t>(taps.first.front()),
          static_cast<std::uint32_t>(taps.first.back() + taps.count.back())};
}

class ByteArithmetic {
 public:
  using Sample = std::uint8_t;
  using Taps = FixedTaps;

  explicit ByteArithmetic(const Kernels& kernels) : kernels_(kernels) {}

  static std::shared_ptr<const Taps> taps(const AxisResize& axis) { return fixed_taps(axis); }

  void across(const FourIn<Sample>& rows, const FourOut<Sample>& outs, const Taps& taps, std::uint32_t channels) const {
    (channels == 3 ? kernels_.horizontal_3 : kernels_.horizontal_1)(rows.data(), outs.data(), taps.view());
  }

  void down(const Sample* const* rows, const Taps& taps, std::size_t output, Sample* out, std::size_t length) const {
    kernels_.vertical(rows, taps.view(), output, out, length);
  }

 private:
  const Kernels& kernels_;
};

class FloatArithmetic {
 public:
  using Sample = float;
  using Taps = RealTaps;

  static std::shared_ptr<const Taps> taps(const AxisResize& axis) { return real_taps(axis); }

  /// Four rows are interleaved, so that the four sums, each in its own order, run in one vector.
  void across(const FourIn<Sample>& rows, const FourOut<Sample>& outs, const Taps& taps, std::uint32_t channels) {
    const Reach reach = reach_of(taps);
    const std::size_t begin = std::size_t{reach.begin} * channels;
    const std::size_t length = std::size_t{reach.end} * channels - begin;
    interleaved_.resize(length * rows_at_once);
    for (std::size_t i = 0; i < length; ++i) {
      for (std::size_t r = 0; r < rows_at_once; ++r) interleaved_[i * rows_at_once + r] = rows[r][begin + i];
    }
    for (std::size_t x = 0; x < taps.first.size(); ++x) {
      const double* weights = taps.weights.data() + x * taps.stride;
      const std::size_t from = static_cast<std::size_t>(taps.first[x]) * channels - begin;
      for (std::size_t c = 0; c < channels; ++c) {
        const float* sample = interleaved_.data() + (from + c) * rows_at_once;
        std::array<double, rows_at_once> sums{};
        for (std::int32_t i = 0; i < taps.count[x]; ++i, sample += channels * rows_at_once) {
          for (std::size_t r = 0; r < rows_at_once; ++r) sums[r] += static_cast<double>(sample[r]) * weights[i];
        }
        for (std::size_t r = 0; r < rows_at_once; ++r) outs[r][x * channels + c] = static_cast<float>(sums[r]);
      }
    }
  }

  void down(const Sample* const* rows, const Taps& taps, std::size_t output, Sample* out, std::size_t length) {
    const double* weights = taps.weights.data() + output * taps.stride;
    sums_.assign(length, 0.0);
    for (std::int32_t y = 0; y < taps.count[output]; ++y) {
      const double weight = weights[y];
      const Sample* row = rows[y];
      for (std::size_t i = 0; i < length; ++i) sums_[i] += static_cast<double>(row[i]) * weight;
    }
    for (std::size_t i = 0; i < length; ++i) out[i] = static_cast<float>(sums_[i]);
  }

 private:
  std::vector<float> interleaved_;
  std::vector<double> sums_;
};

/// The rows that the vertical pass reads, made by the horizontal pass four at a time and kept in a ring as long as they
/// are needed.
template <class Arithmetic>
class RowRing {
 public:
  using Sample = typename Arithmetic::Sample;
  using Taps = typename Arithmetic::Taps;

  /// Rows below `row_end` may be asked for, at most `window` at once.
  RowRing(const RowSource<Sample>& source, const AxisResize& axis, Arithmetic& arithmetic, std::uint32_t window,
          std::uint32_t row_end)
      : source_(source), axis_(axis), arithmetic_(arithmetic), row_end_(row_end), slots_(window + rows_at_once - 1) {
    if (axis.is_needed()) taps_ = Arithmetic::taps(axis);
    // Without a horizontal pass a slot is the scratch of a source row.
    const std::size_t wanted = std::size_t{axis.count} * source.channels();
    slot_samples_ = taps_ ? wanted + row_padding : source.scratch_samples();
    ring_.resize(slot_samples_ * slots_);
    rows_.resize(slots_);
    if (taps_) scratch_.resize(source.scratch_samples() * rows_at_once);
  }

  /// True when rows are this ring's own memory, padded, and so may be read past their end.
  [[nodiscard]] bool is_padded() const { return taps_ != nullptr; }

  /// Makes rows [first, end) be there.
  void fill(std::uint32_t first, std::uint32_t end) {
    next_ = std::max(next_, first);
    while (next_ < end) next_ = taps_ ? resized_rows(next_) : plain_row(next_);
  }

  [[nodiscard]] const Sample* row(std::uint32_t y) const { return rows_[y % slots_]; }

 private:
  Sample* slot(std::uint32_t y) { return ring_.data() + (y % slots_) * slot_samples_; }

  std::uint32_t plain_row(std::uint32_t y) {
    const Sample* row = source_.row(y, axis_.first, axis_.first + axis_.count, slot(y));
    rows_[y % slots_] = row + std::size_t{axis_.first} * source_.channels();
    return y + 1;
  }

  std::uint32_t resized_rows(std::uint32_t y) {
    const Reach reach = reach_of(*taps_);
    const std::uint32_t last = std::min(y + static_cast<std::uint32_t>(rows_at_once), row_end_) - 1;
    FourIn<Sample> in;
    FourOut<Sample> out;
    for (std::uint32_t r = 0; r < rows_at_once; ++r) {
      const std::uint32_t at = std::min(y + r, last);  // the last row repeats
      in[r] = r > 0 && at == std::min(y + r - 1, last)
                  ? in[r - 1]
                  : source_.row(at, reach.begin, reach.end, scratch_.data() + r * source_.scratch_samples());
      out[r] = slot(at);
      rows_[at % slots_] = out[r];
    }
    arithmetic_.across(in, out, *taps_, source_.channels());
    return last + 1;
  }

  const RowSource<Sample>& source_;
  const AxisResize& axis_;
  Arithmetic& arithmetic_;
  std::shared_ptr<const Taps> taps_;
  std::uint32_t row_end_;
  std::size_t slots_;
  std::size_t slot_samples_ = 0;
  std::vector<Sample> ring_;
  std::vector<Sample> scratch_;
  std::vector<const Sample*> rows_;
  std::uint32_t next_ = 0;
};

template <class Arithmetic>
void copy_down(RowRing<Arithmetic>& ring, const AxisResize& down, const RowSink<typename Arithmetic::Sample>& sink) {
  for (std::uint32_t y = 0; y < down.count; ++y) {
    ring.fill(down.first + y, down.first + y + 1);
    sink(y, ring.row(down.first + y));
  }
}

template <class Arithmetic>
void stream(const RowSource<typename Arithmetic::Sample>& source, const Resize& resize, Arithmetic arithmetic,
            const RowSink<typename Arithmetic::Sample>& sink) {
  using Sample = typename Arithmetic::Sample;
  const AxisResize& down = resize.down;
  if (!down.is_needed()) {
    RowRing<Arithmetic> ring(source, resize.across, arithmetic, 1, down.first + down.count);
    copy_down(ring, down, sink);
    return;
  }
  const auto taps = Arithmetic::taps(down);
  const auto window = static_cast<std::uint32_t>(*std::max_element(taps->count.begin(), taps->count.end()));
  RowRing<Arithmetic> ring(source, resize.across, arithmetic, window, reach_of(*taps).end);
  const std::size_t length = std::size_t{resize.across.count} * source.channels();
  const std::size_t computed = ring.is_padded() ? (length + row_padding - 1) / row_padding * row_padding : length;
  std::vector<Sample> out(computed);
  std::vector<const Sample*> rows(window);
  for (std::uint32_t y = 0; y < down.count; ++y) {
    const auto first = static_cast<std::uint32_t>(taps->first[y]);
    const auto count = static_cast<std::uint32_t>(taps->count[y]);
    ring.fill(first, first + count);
    for (std::uint32_t i = 0; i < count; ++i) rows[i] = ring.row(first + i);
    arithmetic.down(rows.data(), *taps, y, out.data(), computed);
    sink(y, out.data());
  }
}

}  // namespace

void resample(const RowSource<std::uint8_t>& source, const Resize& resize, const Kernels& kernels,
              const RowSink<std::uint8_t>& sink) {
  stream(source, resize, ByteArithmetic(kernels), sink);
}

void resample(const RowSource<float>& source, const Resize& resize, const RowSink<float>& sink) {
  stream(source, resize, FloatArithmetic(), sink);
}

}  // namespace mediscan::recipe
