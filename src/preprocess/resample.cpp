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

/// What a pass reads, as its source counts.
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
  RowRing(RowSource<Sample>& source, const AxisResize& axis, Arithmetic& arithmetic, std::uint32_t window,
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

  RowSource<Sample>& source_;
  AxisResize axis_;
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
std::uint32_t longest_window(const typename Arithmetic::Taps& taps) {
  return static_cast<std::uint32_t>(*std::max_element(taps.count.begin(), taps.count.end()));
}

/// Wanted rows of the vertical pass over rows as a ring has them.
template <class Arithmetic>
class DownPass {
 public:
  using Sample = typename Arithmetic::Sample;

  /// The horizontal pass `across` (which may change nothing, only choose columns) runs before this one.
  DownPass(RowSource<Sample>& source, const AxisResize& across, const AxisResize& down, Arithmetic& arithmetic)
      : arithmetic_(arithmetic),
        taps_(Arithmetic::taps(down)),
        ring_(source, across, arithmetic, longest_window<Arithmetic>(*taps_), reach_of(*taps_).end),
        rows_(longest_window<Arithmetic>(*taps_)) {}

  /// True when row() may be asked for a length rounded up to row_padding.
  [[nodiscard]] bool may_round_up() const { return ring_.is_padded(); }

  /// Writes the first `length` samples of wanted row `y`; rows are asked for in rising order.
  void row(std::uint32_t y, Sample* out, std::size_t length) {
    const auto first = static_cast<std::uint32_t>(taps_->first[y]);
    const auto count = static_cast<std::uint32_t>(taps_->count[y]);
    ring_.fill(first, first + count);
    for (std::uint32_t i = 0; i < count; ++i) rows_[i] = ring_.row(first + i);
    arithmetic_.down(rows_.data(), *taps_, y, out, length);
  }

 private:
  Arithmetic& arithmetic_;
  std::shared_ptr<const typename Arithmetic::Taps> taps_;
  RowRing<Arithmetic> ring_;
  std::vector<const Sample*> rows_;
};

/// The vertical pass as a source of rows, for the horizontal pass to come after it.
template <class Arithmetic>
class DownRows final : public RowSource<typename Arithmetic::Sample> {
 public:
  using Sample = typename Arithmetic::Sample;

  DownRows(RowSource<Sample>& source, const AxisResize& down, Reach columns, Arithmetic& arithmetic)
      : RowSource<Sample>({down.count, source.size().width}, source.channels()),
        pass_(source, columns_only(source, columns), down, arithmetic) {}

  const Sample* row(std::uint32_t y, std::uint32_t begin, std::uint32_t end, Sample* scratch) override {
    pass_.row(y, scratch + std::size_t{begin} * this->channels(), std::size_t{end - begin} * this->channels());
    return scratch;
  }

 private:
  static AxisResize columns_only(const RowSource<Sample>& source, Reach columns) {
    const std::uint32_t width = source.size().width;
    return {width, width, 0.0F, static_cast<float>(width), columns.begin, columns.end - columns.begin, Filter::box};
  }

  DownPass<Arithmetic> pass_;
};

/// Rows of the horizontal pass alone, from row `first` on.
template <class Arithmetic>
void stream_across(RowSource<typename Arithmetic::Sample>& source, const AxisResize& across, std::uint32_t first,
                   std::uint32_t count, Arithmetic& arithmetic, const RowSink<typename Arithmetic::Sample>& sink) {
  RowRing<Arithmetic> ring(source, across, arithmetic, 1, first + count);
  for (std::uint32_t y = 0; y < count; ++y) {
    ring.fill(first + y, first + y + 1);
    sink(y, ring.row(first + y));
  }
}

bool vertical_pass_is_first(const Resize& resize) {
  if (!resize.across.is_needed() || !resize.down.is_needed()) return false;
  const std::int64_t height_lost = std::int64_t{resize.down.in} - resize.down.out;
  const std::int64_t width_lost = std::int64_t{resize.across.in} - resize.across.out;
  return height_lost > 0 && height_lost > 2 * width_lost;
}

template <class Arithmetic>
void stream(RowSource<typename Arithmetic::Sample>& source, const Resize& resize, Arithmetic arithmetic,
            const RowSink<typename Arithmetic::Sample>& sink) {
  const AxisResize& across = resize.across;
  const AxisResize& down = resize.down;
  if (!down.is_needed()) {
    stream_across(source, across, down.first, down.count, arithmetic, sink);
    return;
  }
  if (vertical_pass_is_first(resize)) {
    Arithmetic vertical = arithmetic;
    DownRows<Arithmetic> rows(source, down, reach_of(*Arithmetic::taps(across)), vertical);
    stream_across<Arithmetic>(rows, across, 0, down.count, arithmetic, sink);
    return;
  }
  DownPass<Arithmetic> pass(source, across, down, arithmetic);
  const std::size_t length = std::size_t{across.count} * source.channels();
  const std::size_t rounded_up = (length + row_padding - 1) / row_padding * row_padding;
  std::vector<typename Arithmetic::Sample> out(rounded_up);
  for (std::uint32_t y = 0; y < down.count; ++y) {
    pass.row(y, out.data(), pass.may_round_up() ? rounded_up : length);
    sink(y, out.data());
  }
}

}  // namespace

void resample(RowSource<std::uint8_t>& source, const Resize& resize, const Kernels& kernels,
              const RowSink<std::uint8_t>& sink) {
  stream(source, resize, ByteArithmetic(kernels), sink);
}

void resample(RowSource<float>& source, const Resize& resize, const RowSink<float>& sink) {
  stream(source, resize, FloatArithmetic(), sink);
}

}  // namespace mediscan::recipe
