#include "preprocess/source_window.hpp"

#include "preprocess/coefficients.hpp"

namespace mediscan::recipe {
namespace {

AxisResize axis(std::uint32_t in, std::uint32_t out, Filter filter, const Span& wanted) {
  return {in, out, 0.0F, static_cast<float>(in), wanted.start, wanted.length, filter};
}

}  // namespace

std::optional<image::Window> source_window(const Geometry& geometry, const PreprocessSpec& spec) {
  if (!spec.resize || geometry.thumbnail != geometry.picture) return std::nullopt;
  const Span& columns = geometry.square_columns;
  const Span& rows = geometry.square_rows;
  const AxisResize across = axis(columns.length, geometry.resized.width, spec.resize->filter, geometry.columns);
  const AxisResize down = axis(rows.length, geometry.resized.height, spec.resize->filter, geometry.rows);
  if (!across.is_needed() || !down.is_needed()) return std::nullopt;
  const Reach x = reach_of(across);
  const Reach y = reach_of(down);
  const image::Window window{columns.start + x.begin, rows.start + y.begin, x.end - x.begin, y.end - y.begin};
  if (window.width == geometry.picture.width && window.height == geometry.picture.height) return std::nullopt;
  return window;
}

std::optional<image::Window> source_window(Size picture, const PreprocessSpec& spec) noexcept {
  try {
    validate(spec);
    return source_window(geometry_of(picture, spec), spec);
  } catch (...) {
    return std::nullopt;
  }
}

}  // namespace mediscan::recipe
