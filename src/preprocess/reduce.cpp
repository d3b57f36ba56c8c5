#include "preprocess/reduce.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mediscan/error.hpp>
#include <vector>

namespace mediscan::recipe {
namespace {

/// One cell: `width` x `height` pixels of one channel, from `x` on.
struct Cell {
  std::uint32_t x = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t channel = 0;
  std::uint32_t channels = 0;
  bool full = false;

  [[nodiscard]] std::uint32_t pixels() const { return width * height; }
  [[nodiscard]] std::size_t at(std::uint32_t column) const { return (std::size_t{x} + column) * channels + channel; }
};

/// The sum of a full cell in Pillow's order: two rows and two columns at a time, these four (or two, at an odd edge)
/// added in float32.
double full_sum(const std::vector<const float*>& rows, const Cell& cell) {
  double sum = 0;
  std::uint32_t y = 0;
  for (; y + 1 < cell.height; y += 2) {
    const float* above = rows[y];
    const float* below = rows[y + 1];
    std::uint32_t x = 0;
    for (; x + 1 < cell.width; x += 2) {
      sum += static_cast<double>(above[cell.at(x)] + above[cell.at(x + 1)] + below[cell.at(x)] + below[cell.at(x + 1)]);
    }
    if (x < cell.width) sum += static_cast<double>(above[cell.at(x)] + below[cell.at(x)]);
  }
  if (y < cell.height) {
    std::uint32_t x = 0;
    for (; x + 1 < cell.width; x += 2) sum += static_cast<double>(rows[y][cell.at(x)] + rows[y][cell.at(x + 1)]);
    if (x < cell.width) sum += static_cast<double>(rows[y][cell.at(x)]);
  }
  return sum;
}

float mean(const std::vector<const float*>& rows, const Cell& cell) {
  double sum = 0;
  if (cell.full) {
    sum = full_sum(rows, cell);
  } else {
    for (std::uint32_t y = 0; y < cell.height; ++y) {
      for (std::uint32_t x = 0; x < cell.width; ++x) sum += static_cast<double>(rows[y][cell.at(x)]);
    }
  }
  return static_cast<float>(sum * (1.0 / cell.pixels()));
}

/// One row of cells from the rows it covers; the work memory is kept from row to row.
class ByteCells {
 public:
  void make(const std::vector<const std::uint8_t*>& rows, std::uint32_t height, const RowSource<std::uint8_t>& source,
            Factor factor, std::uint8_t* out) {
    add_rows(rows, height, source.row_samples());
    const std::size_t channels = source.channels();
    const std::uint32_t width = source.size().width;
    for (std::uint32_t x = 0; x < width; x += factor.x) {
      const std::uint32_t cell_width = std::min(factor.x, width - x);
      const std::uint32_t pixels = cell_width * height;
      const auto multiplier = static_cast<std::uint32_t>(4294967296.0F / static_cast<float>(256U * pixels));
      for (std::size_t c = 0; c < channels; ++c) {
        std::uint32_t sum = pixels / 2;
        for (std::uint32_t i = 0; i < cell_width; ++i) sum += column_sums_[(x + i) * channels + c];
        *out++ = static_cast<std::uint8_t>((sum * multiplier) >> 24);
      }
    }
  }

 private:
  void add_rows(const std::vector<const std::uint8_t*>& rows, std::uint32_t height, std::size_t length) {
    column_sums_.assign(length, 0);
    for (std::uint32_t y = 0; y < height; ++y) {
      const std::uint8_t* row = rows[y];
      for (std::size_t i = 0; i < length; ++i) column_sums_[i] += row[i];
    }
  }

  std::vector<std::uint32_t> column_sums_;
};

class FloatCells {
 public:
  static void make(const std::vector<const float*>& rows, std::uint32_t height, const RowSource<float>& source,
                   Factor factor, float* out) {
    const std::uint32_t width = source.size().width;
    for (std::uint32_t x = 0; x < width; x += factor.x) {
      const std::uint32_t cell_width = std::min(factor.x, width - x);
      const bool full = cell_width == factor.x && height == factor.y;
      for (std::uint32_t c = 0; c < source.channels(); ++c) {
        *out++ = mean(rows, Cell{x, cell_width, height, c, source.channels(), full});
      }
    }
  }
};

template <class Cells, class Sample>
Pixels<Sample> reduced(RowSource<Sample>& source, Factor factor) {
  const Size in = source.size();
  const std::uint64_t cell_pixels = std::uint64_t{factor.x} * factor.y;
  if (cell_pixels > max_cell_pixels) {
    throw Error(
        ErrorCode::limit_exceeded, Stage::preprocess,
        fmt::format("the thumbnail step would average {} pixels into one, more than {}", cell_pixels, max_cell_pixels),
        "make the recipe's thumbnail.max_side larger, or remove its reducing_gap");
  }
  Pixels<Sample> out({(in.height + factor.y - 1) / factor.y, (in.width + factor.x - 1) / factor.x}, source.channels());
  const std::size_t scratch_samples = source.scratch_samples();
  const std::size_t rows_in_cell = std::min(factor.y, in.height);
  std::vector<Sample> scratch(scratch_samples * rows_in_cell);
  std::vector<const Sample*> rows(rows_in_cell);
  Cells cells;
  for (std::uint32_t y = 0; y < in.height; y += factor.y) {
    const std::uint32_t height = std::min(factor.y, in.height - y);
    for (std::uint32_t r = 0; r < height; ++r) {
      rows[r] = source.row(y + r, 0, in.width, scratch.data() + r * scratch_samples);
    }
    cells.make(rows, height, source, factor, out.row(y / factor.y));
  }
  return out;
}

}  // namespace

Pixels<std::uint8_t> reduce(RowSource<std::uint8_t>& source, Factor factor) {
  return reduced<ByteCells>(source, factor);
}

Pixels<float> reduce(RowSource<float>& source, Factor factor) { return reduced<FloatCells>(source, factor); }

}  // namespace mediscan::recipe
