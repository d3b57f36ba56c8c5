#include "preprocess/geometry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mediscan/error.hpp>

namespace mediscan::recipe {
namespace {

/// int(size x long / short) as Python computes it: an exact product, one rounded division, truncation.
std::uint64_t scaled_side(std::uint32_t size, std::uint32_t numerator, std::uint32_t denominator) {
  const std::uint64_t product = std::uint64_t{size} * numerator;
  return static_cast<std::uint64_t>(static_cast<double>(product) / static_cast<double>(denominator));
}

Size resized_size(Size in, const ResizeStep& step) {
  if (step.mode == ResizeStep::Mode::exact) return {step.height, step.width};
  const bool by_shorter = step.mode == ResizeStep::Mode::shorter;
  const std::uint32_t shorter = std::min(in.height, in.width);
  const std::uint32_t longer = std::max(in.height, in.width);
  const std::uint32_t fixed = by_shorter ? shorter : longer;
  const std::uint32_t other = by_shorter ? longer : shorter;
  const std::uint64_t side = std::max<std::uint64_t>(1, scaled_side(step.size, other, fixed));
  if (side > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max())) {
    throw Error(ErrorCode::limit_exceeded, Stage::preprocess,
                fmt::format("resizing {}x{} to a shorter side of {} makes a longer side of {}", in.width, in.height,
                            step.size, side),
                "the picture is hardly a picture; use resize mode \"exact\" or \"longer\"");
  }
  const bool height_is_fixed = by_shorter ? in.height < in.width : in.height > in.width;
  const auto rest = static_cast<std::uint32_t>(side);
  return height_is_fixed ? Size{step.size, rest} : Size{rest, step.size};
}

/// torchxrayvision's XRayCenterCrop on one axis: start = in / 2 - side / 2 in whole numbers.
Span square_crop(std::uint32_t in, std::uint32_t side) { return {in / 2 - side / 2, side, 0, side}; }

Span whole(std::uint32_t length) { return {0, length, 0, length}; }

void check_tensor(const Geometry& geometry, std::uint32_t channels) {
  const std::uint64_t values = std::uint64_t{geometry.rows.total} * geometry.columns.total * channels;
  if (values <= max_tensor_values) return;
  throw Error(
      ErrorCode::limit_exceeded, Stage::preprocess,
      fmt::format("the tensor of a {}x{} picture would be {} x {} x {} values, more than {}", geometry.picture.width,
                  geometry.picture.height, channels, geometry.rows.total, geometry.columns.total, max_tensor_values),
      "add a crop to the recipe's input, or resize to a smaller size");
}

}  // namespace

Size thumbnail_size(Size picture, std::uint32_t side) {
  if (side >= picture.width && side >= picture.height) return picture;
  const double aspect = static_cast<double>(picture.width) / static_cast<double>(picture.height);
  const auto nearer = [](double exact, auto error) {
    const double low = std::floor(exact);
    const double high = std::ceil(exact);
    return static_cast<std::uint32_t>(std::max(error(low) <= error(high) ? low : high, 1.0));
  };
  const double target = side;
  if (1.0 >= aspect) return {side, nearer(target * aspect, [&](double n) { return std::abs(aspect - n / target); })};
  return {nearer(target / aspect, [&](double n) { return n == 0 ? 0.0 : std::abs(aspect - target / n); }), side};
}

Span centre_crop(std::uint32_t in, std::uint32_t out) {
  if (out > in)
    return {0, in, (out - in) / 2, out};  // padding after the picture is one more when the difference is odd
  const std::uint32_t spare = in - out;
  std::uint32_t start = spare / 2;
  if (spare % 2 == 1 && start % 2 == 1) ++start;  // halves to even
  return {start, out, 0, out};
}

Geometry geometry_of(Size picture, const PreprocessSpec& spec) {
  Geometry geometry;
  geometry.picture = picture;
  geometry.thumbnail = spec.thumbnail ? thumbnail_size(picture, spec.thumbnail->max_side) : picture;
  Size size = geometry.thumbnail;
  geometry.square_rows = whole(size.height);
  geometry.square_columns = whole(size.width);
  if (spec.square_crop) {
    const std::uint32_t side = std::min(size.height, size.width);
    geometry.square_rows = square_crop(size.height, side);
    geometry.square_columns = square_crop(size.width, side);
    size = {side, side};
  }
  geometry.resized = spec.resize ? resized_size(size, *spec.resize) : size;
  geometry.rows = spec.crop ? centre_crop(geometry.resized.height, spec.crop->height) : whole(geometry.resized.height);
  geometry.columns = spec.crop ? centre_crop(geometry.resized.width, spec.crop->width) : whole(geometry.resized.width);
  check_tensor(geometry, spec.channels());
  return geometry;
}

}  // namespace mediscan::recipe
