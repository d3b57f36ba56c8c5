#include "preprocess/source_window.hpp"

#include <algorithm>
#include <limits>

namespace mediscan::recipe {
namespace {

/// The length of a side of the picture at which the `region` of it becomes `out` x least_reduction; rounded up.
std::uint32_t sufficient_side(std::uint32_t side, std::uint32_t region, std::uint32_t out) {
  const std::uint64_t least = std::uint64_t{out} * least_reduction;
  // Fits 64 bits: geometry_of refuses a resized side of 2^31 or more.
  const std::uint64_t exact = (least * side + region - 1) / region;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(exact, std::numeric_limits<std::uint32_t>::max()));
}

std::optional<image::Sides> sufficient_size(const Geometry& geometry, const PreprocessSpec& spec) {
  const Size& picture = geometry.picture;
  if (geometry.thumbnail != picture) {
    return image::Sides{sufficient_side(picture.width, picture.width, geometry.thumbnail.width),
                        sufficient_side(picture.height, picture.height, geometry.thumbnail.height)};
  }
  if (!spec.resize) return std::nullopt;
  return image::Sides{sufficient_side(picture.width, geometry.square_columns.length, geometry.resized.width),
                      sufficient_side(picture.height, geometry.square_rows.length, geometry.resized.height)};
}

/// What `action` gives of a picture's geometry; nothing where there is none.
template <class Action>
auto of_geometry(Size picture, const PreprocessSpec& spec, Action&& action) noexcept -> decltype(action(Geometry{})) {
  try {
    validate(spec);
    return action(geometry_of(picture, spec));
  } catch (...) {
    return std::nullopt;
  }
}

}  // namespace

SourceAxis source_axis(const Span& region, std::uint32_t divisor) {
  const std::uint32_t start = region.start / divisor;
  const std::uint32_t end = image::reduced(region.start + region.length, divisor);
  const auto position = [&](std::uint32_t full) { return static_cast<double>(full) / divisor - start; };
  return {{start, end - start, 0, end - start},
          static_cast<float>(position(region.start)),
          static_cast<float>(position(region.start + region.length))};
}

AxisResize resize_of(const SourceAxis& source, std::uint32_t out, Filter filter, const Span& wanted) {
  return {source.pixels.length, out, source.begin, source.end, wanted.start, wanted.length, filter};
}

std::optional<image::Window> source_window(const Geometry& geometry, const PreprocessSpec& spec,
                                           std::uint32_t divisor) {
  if (!spec.resize || geometry.thumbnail != geometry.picture) return std::nullopt;
  const SourceAxis columns = source_axis(geometry.square_columns, divisor);
  const SourceAxis rows = source_axis(geometry.square_rows, divisor);
  const AxisResize across = resize_of(columns, geometry.resized.width, spec.resize->filter, geometry.columns);
  const AxisResize down = resize_of(rows, geometry.resized.height, spec.resize->filter, geometry.rows);
  if (!across.is_needed() || !down.is_needed()) return std::nullopt;
  const Reach x = reach_of(across);
  const Reach y = reach_of(down);
  const image::Window window{columns.pixels.start + x.begin, rows.pixels.start + y.begin, x.end - x.begin,
                             y.end - y.begin};
  const auto whole = image::reduced(image::Sides{geometry.picture.width, geometry.picture.height}, divisor);
  if (window.width == whole.width && window.height == whole.height) return std::nullopt;
  return window;
}

std::optional<image::Window> source_window(Size picture, const PreprocessSpec& spec, std::uint32_t divisor) noexcept {
  return of_geometry(picture, spec, [&](const Geometry& geometry) { return source_window(geometry, spec, divisor); });
}

std::optional<image::Sides> sufficient_size(Size picture, const PreprocessSpec& spec) noexcept {
  return of_geometry(picture, spec, [&](const Geometry& geometry) { return sufficient_size(geometry, spec); });
}

}  // namespace mediscan::recipe
