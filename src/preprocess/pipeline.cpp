// The steps in their order. Every step's formula is in the file that computes it.
#include "preprocess/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mediscan/error.hpp>
#include <memory>
#include <new>
#include <utility>
#include <variant>

#include "image/second_thread.hpp"
#include "preprocess/geometry.hpp"
#include "preprocess/normalize.hpp"
#include "preprocess/reduce.hpp"
#include "preprocess/resample.hpp"
#include "preprocess/rows.hpp"
#include "preprocess/simd.hpp"
#include "preprocess/source_window.hpp"

namespace mediscan::recipe {
namespace {

/// What an excerpt has of one axis of the pixels that the resize begins with.
struct Stored {
  Span span;                  ///< in the excerpt
  std::uint32_t missing = 0;  ///< of those pixels before it
};

Stored stored_of(const Span& pixels, std::uint32_t window_start, std::uint32_t window_length) {
  const std::uint32_t begin = std::max(pixels.start, window_start);
  const std::uint32_t end = std::min(pixels.start + pixels.length, window_start + window_length);
  return {{begin - window_start, end - begin, 0, end - begin}, begin - pixels.start};
}

Region whole_region(Size size, bool to_gray) { return {whole_axis(size.height), whole_axis(size.width), to_gray}; }

/// One call's way through the recipe.
class Run {
 public:
  Run(const image::Excerpt& picture, const PreprocessSpec& spec, const Geometry& geometry, const Kernels& kernels,
      int threads = 1)
      : image_(picture.stored),
        spec_(spec),
        geometry_(geometry),
        kernels_(kernels),
        divisor_(picture.divisor),
        down_from_(source_axis(geometry.square_rows, divisor_)),
        across_from_(source_axis(geometry.square_columns, divisor_)),
        rows_(stored_of(down_from_.pixels, picture.window.y, picture.window.height)),
        columns_(stored_of(across_from_.pixels, picture.window.x, picture.window.width)),
        threads_(threads),
        to_gray_(spec.color == ColorMode::gray && image_.channels() == 3),
        stored_as_bytes_(image_.bits() == 8) {
    const auto wish = spec.resize ? spec.resize->arithmetic : ResizeStep::Arithmetic::automatic;
    if (wish == ResizeStep::Arithmetic::uint8 && !stored_as_bytes_) {
      throw Error(
          ErrorCode::unsupported, Stage::preprocess,
          fmt::format("the recipe resizes in uint8 arithmetic, but the picture has {} bits a sample", image_.bits()),
          "use resize arithmetic \"auto\" or \"float32\", or give an 8-bit picture");
    }
    in_bytes_ = gives_bytes(image_, spec);
  }

  /// Channels that are computed; grey is repeated only in the tensor.
  [[nodiscard]] std::uint32_t channels() const { return to_gray_ ? 1 : image_.channels(); }
  /// Whether the samples are bytes to the end, and which sink is called.
  [[nodiscard]] bool in_bytes() const { return in_bytes_; }

  /// Calls the sink with every row of the crop, from two threads at once for a large picture.
  void rows(const RowSink<std::uint8_t>& bytes, const RowSink<float>& floats) const {
    if (geometry_.thumbnail != geometry_.picture) {
      thumbnail_rows(bytes, floats);
      return;
    }
    if (std::uint64_t{rows_.span.length} * columns_.span.length < min_pixels_for_two || geometry_.rows.length < 2) {
      rows_between(0, geometry_.rows.length, bytes, floats);
      return;
    }
    const image::SecondThread second(threads_);
    const std::uint32_t middle = second.granted() ? geometry_.rows.length / 2 : geometry_.rows.length;
    second.run_both([&] { rows_between(0, middle, bytes, floats); },
                    [&] { rows_between(middle, geometry_.rows.length, bytes, floats); });
  }

 private:
  /// Rows [begin, end) of the crop, of a picture without a thumbnail step.
  void rows_between(std::uint32_t begin, std::uint32_t end, const RowSink<std::uint8_t>& bytes,
                    const RowSink<float>& floats) const {
    if (begin == end) return;
    const auto from_begin = [begin](const auto& sink) {
      return [begin, &sink](std::uint32_t y, const auto* row) { sink(begin + y, row); };
    };
    const Region region{rows_.span, columns_.span, to_gray_};
    Resize resize = last_resize(across_from_, down_from_);
    resize.down.first += begin;
    resize.down.count = end - begin;
    resize.across.missing = columns_.missing;
    resize.down.missing = rows_.missing;
    if (in_bytes_) {
      resample(*byte_rows(image_, region, kernels_), resize, kernels_, from_begin(bytes));
    } else {
      resample(*float_rows(image_, region), resize, from_begin(floats));
    }
  }

  void thumbnail_rows(const RowSink<std::uint8_t>& bytes, const RowSink<float>& floats) const {
    const Region converted{geometry_.square_rows, geometry_.square_columns, false};
    const Resize last = last_resize(source_axis(converted.columns, 1), source_axis(converted.rows, 1));
    const Region whole = whole_region({image_.height(), image_.width()}, to_gray_);
    if (!stored_as_bytes_) {
      const auto small = thumbnail(*float_rows(image_, whole));
      resample(*float_rows(small, converted), last, floats);
      return;
    }
    const auto small = thumbnail(*byte_rows(image_, whole, kernels_));
    if (in_bytes_) {
      resample(*byte_rows(small, converted), last, kernels_, bytes);
    } else {
      resample(*float_rows(small, converted), last, floats);
    }
  }

  [[nodiscard]] Resize last_resize(const SourceAxis& across, const SourceAxis& down) const {
    const Filter filter = spec_.resize ? spec_.resize->filter : Filter::bilinear;
    return {resize_of(across, geometry_.resized.width, filter, geometry_.columns),
            resize_of(down, geometry_.resized.height, filter, geometry_.rows)};
  }

  void resample_all(RowSource<std::uint8_t>& source, const Resize& resize, Pixels<std::uint8_t>& out) const {
    resample(source, resize, kernels_,
             [&](std::uint32_t y, const std::uint8_t* row) { std::copy_n(row, out.row_samples(), out.row(y)); });
  }
  static void resample_all(RowSource<float>& source, const Resize& resize, Pixels<float>& out) {
    resample(source, resize,
             [&](std::uint32_t y, const float* row) { std::copy_n(row, out.row_samples(), out.row(y)); });
  }

  /// A side of the picture, as decoded: not a whole number of pixels where the divisor leaves a rest.
  [[nodiscard]] double decoded(std::uint32_t side) const { return static_cast<double>(side) / divisor_; }

  /// Pillow's resize(reducing_gap): whole factors that leave at least gap x the target, then the rest from a fractional
  /// box.
  [[nodiscard]] Factor factor() const {
    if (!spec_.thumbnail->reducing_gap) return {};
    const auto along = [&](std::uint32_t in, std::uint32_t out) {
      const double exact = decoded(in) / out / *spec_.thumbnail->reducing_gap;
      return std::max(1U, static_cast<std::uint32_t>(exact));
    };
    return {along(geometry_.picture.width, geometry_.thumbnail.width),
            along(geometry_.picture.height, geometry_.thumbnail.height)};
  }

  template <class Sample>
  Pixels<Sample> thumbnail(RowSource<Sample>& source) const {
    const Size in = geometry_.picture;
    const Size to = geometry_.thumbnail;
    const Filter filter = spec_.thumbnail->filter;
    Resize resize{resize_of(source_axis(whole_axis(in.width), divisor_), to.width, filter, whole_axis(to.width)),
                  resize_of(source_axis(whole_axis(in.height), divisor_), to.height, filter, whole_axis(to.height))};
    Pixels<Sample> out(to, source.channels());
    const Factor by = factor();
    if (by.x == 1 && by.y == 1) {
      resample_all(source, resize, out);
      return out;
    }
    const Pixels<Sample> reduced = reduce(source, by);
    resize.across.in = reduced.size.width;
    resize.across.box_end = static_cast<float>(decoded(in.width) / by.x);
    resize.down.in = reduced.size.height;
    resize.down.box_end = static_cast<float>(decoded(in.height) / by.y);
    const Region whole = whole_region(reduced.size, false);
    if constexpr (std::is_same_v<Sample, float>) {
      resample_all(*float_rows(reduced, whole), resize, out);
    } else {
      resample_all(*byte_rows(reduced, whole), resize, out);
    }
    return out;
  }

  const Image image_;  // shares the pixels
  const PreprocessSpec& spec_;
  const Geometry& geometry_;
  const Kernels& kernels_;
  std::uint32_t divisor_;
  SourceAxis down_from_, across_from_;  ///< what the resize begins with, where there is no thumbnail step
  Stored rows_, columns_;
  int threads_;
  bool to_gray_;
  bool stored_as_bytes_;
  bool in_bytes_ = false;
};

Geometry checked_geometry(Size size, const PreprocessSpec& spec) {
  validate(spec);
  return geometry_of(size, spec);
}

/// A recipe that reads what an excerpt lacks would read beyond its memory.
void check_excerpt(const image::Excerpt& picture, const Geometry& geometry, const PreprocessSpec& spec) {
  const auto [width, height] = image::reduced(image::Sides{picture.width, picture.height}, picture.divisor);
  const image::Window whole{0, 0, width, height};
  const image::Window needed = source_window(geometry, spec, picture.divisor).value_or(whole);
  if (picture.window.contains(needed)) return;
  throw Error(ErrorCode::internal, Stage::preprocess,
              fmt::format("the recipe reads {} x {} pixels at ({}, {}), decoded were {} x {} at ({}, {})", needed.width,
                          needed.height, needed.x, needed.y, picture.window.width, picture.window.height,
                          picture.window.x, picture.window.y));
}

void run_to_tensor(const image::Excerpt& picture, const PreprocessSpec& spec, const Geometry& geometry,
                   const Kernels& kernels, std::span<float> out, int threads = 1) {
  const Run run(picture, spec, geometry, kernels, threads);
  TensorWriter writer(spec, geometry, picture.stored.max_value(), run.channels(), out);
  if (run.in_bytes()) writer.prepare_table();
  run.rows([&](std::uint32_t y, const std::uint8_t* row) { writer.write(y, row); },
           [&](std::uint32_t y, const float* row) { writer.write(y, row); });
}

/// Puts the rows of the crop where the padding, already there, leaves room; grey repeated to `channels`.
class Placement {
 public:
  Placement(const Geometry& geometry, std::uint32_t in_channels, std::uint32_t channels)
      : geometry_(geometry), in_channels_(in_channels), channels_(channels) {}

  template <class Sample>
  void put(std::span<Sample> out, std::uint32_t y, const Sample* row) const {
    const std::size_t pixel = (std::size_t{geometry_.rows.pad} + y) * geometry_.columns.total + geometry_.columns.pad;
    const auto to = out.subspan(pixel * channels_, std::size_t{geometry_.columns.length} * channels_);
    if (in_channels_ == channels_) {
      std::copy_n(row, to.size(), to.begin());
    } else {
      for (std::size_t i = 0; i < to.size(); ++i) to[i] = row[i / channels_];
    }
  }

 private:
  const Geometry& geometry_;
  std::uint32_t in_channels_;
  std::uint32_t channels_;
};

void refuse_floats(std::uint32_t /*y*/, const float* /*row*/) {
  throw Error(ErrorCode::internal, Stage::preprocess, "a recipe in bytes gave float32");
}

void run_to_samples(const image::Excerpt& picture, const PreprocessSpec& spec, const Geometry& geometry,
                    std::span<std::uint8_t> out, int threads) {
  const Run run(picture, spec, geometry, active_kernels(), threads);
  if (!run.in_bytes()) {
    throw Error(ErrorCode::invalid_argument, Stage::preprocess, "the samples of this picture are no bytes",
                "ask gives_bytes first");
  }
  std::ranges::fill(out, std::uint8_t{0});  // the padding
  const Placement placement(geometry, run.channels(), spec.channels());
  run.rows([&](std::uint32_t y, const std::uint8_t* row) { placement.put(out, y, row); }, refuse_floats);
}

PixelBlock run_to_pixels(const Image& image, const PreprocessSpec& spec, const Geometry& geometry,
                         const Kernels& kernels) {
  const Run run(image::Excerpt(image), spec, geometry, kernels);
  PixelBlock block;
  block.channels = spec.channels();
  block.height = geometry.rows.total;
  block.width = geometry.columns.total;
  const std::size_t samples = std::size_t{block.channels} * block.height * block.width;
  if (run.in_bytes()) {
    block.bytes.resize(samples);
  } else {
    block.floats.resize(samples);
  }
  const Placement placement(geometry, run.channels(), block.channels);
  run.rows([&](std::uint32_t y, const std::uint8_t* row) { placement.put(std::span(block.bytes), y, row); },
           [&](std::uint32_t y, const float* row) { placement.put(std::span(block.floats), y, row); });
  return block;
}

void require_room(std::size_t room, const Geometry& geometry, const PreprocessSpec& spec) {
  const std::size_t values = std::size_t{spec.channels()} * geometry.rows.total * geometry.columns.total;
  if (room == values) return;
  throw Error(ErrorCode::invalid_argument, Stage::preprocess,
              fmt::format("the output has room for {} values, the tensor is {} x {} x {} = {}", room, spec.channels(),
                          geometry.rows.total, geometry.columns.total, values),
              "ask output_size how much is needed");
}

template <class Action>
auto naming_lack_of_memory(Action&& action) {
  try {
    return action();
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, Stage::preprocess, "not enough memory to preprocess the picture",
                "use a recipe with a smaller size, or give the process more memory");
  }
}

}  // namespace

std::pair<std::uint32_t, std::uint32_t> output_size(std::uint32_t height, std::uint32_t width,
                                                    const PreprocessSpec& spec) {
  const Geometry geometry = checked_geometry({height, width}, spec);
  return {geometry.rows.total, geometry.columns.total};
}

void preprocess_into(const image::Excerpt& picture, const PreprocessSpec& spec, std::span<float> out,
                     const Kernels& kernels, int threads) {
  naming_lack_of_memory([&] {
    const Geometry geometry = checked_geometry({picture.height, picture.width}, spec);
    check_excerpt(picture, geometry, spec);
    require_room(out.size(), geometry, spec);
    run_to_tensor(picture, spec, geometry, kernels, out, threads);
  });
}

void preprocess_into(const image::Excerpt& picture, const PreprocessSpec& spec, std::span<float> out, int threads) {
  preprocess_into(picture, spec, out, active_kernels(), threads);
}

bool gives_bytes(const Image& stored, const PreprocessSpec& spec) {
  return stored.bits() == 8 && !(spec.resize && spec.resize->arithmetic == ResizeStep::Arithmetic::float32);
}

void samples_into(const image::Excerpt& picture, const PreprocessSpec& spec, std::span<std::uint8_t> out, int threads) {
  naming_lack_of_memory([&] {
    const Geometry geometry = checked_geometry({picture.height, picture.width}, spec);
    check_excerpt(picture, geometry, spec);
    require_room(out.size(), geometry, spec);
    run_to_samples(picture, spec, geometry, out, threads);
  });
}

void preprocess_into(const Image& image, const PreprocessSpec& spec, std::span<float> out, const Kernels& kernels) {
  preprocess_into(image::Excerpt(image), spec, out, kernels, 1);
}

void preprocess_into(const Image& image, const PreprocessSpec& spec, std::span<float> out) {
  preprocess_into(image, spec, out, active_kernels());
}

PixelBlock preprocess_to_pixels(const Image& image, const PreprocessSpec& spec, const Kernels& kernels) {
  return naming_lack_of_memory([&] {
    return run_to_pixels(image, spec, checked_geometry({image.height(), image.width()}, spec), kernels);
  });
}

PixelBlock preprocess_to_pixels(const Image& image, const PreprocessSpec& spec) {
  return preprocess_to_pixels(image, spec, active_kernels());
}

}  // namespace mediscan::recipe

namespace mediscan {

Tensor preprocess(const Image& image, const PreprocessSpec& spec) {
  return recipe::naming_lack_of_memory([&] {
    const recipe::Geometry geometry = recipe::checked_geometry({image.height(), image.width()}, spec);
    Tensor tensor{spec.channels(), geometry.rows.total, geometry.columns.total, spec.layout, {}};
    tensor.values.resize(std::size_t{tensor.channels} * tensor.height * tensor.width);
    recipe::run_to_tensor(image::Excerpt(image), spec, geometry, recipe::active_kernels(), tensor.values);
    return tensor;
  });
}

}  // namespace mediscan
