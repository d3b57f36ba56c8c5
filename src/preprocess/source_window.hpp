// Which pixels of a picture a recipe reads, and at which size they are enough, so that a decoder need not make the
// others.
#pragma once

#include <mediscan/preprocess.hpp>
#include <optional>

#include "image/excerpt.hpp"
#include "preprocess/coefficients.hpp"
#include "preprocess/geometry.hpp"

namespace mediscan::recipe {

/// One axis of the region that the resize begins with, in a picture whose sides are divided by `divisor`: the pixels
/// that have part in it, and where in them its edges lie. With a divisor of 1 edges lie between pixels.
struct SourceAxis {
  Span pixels;      ///< never padded
  float begin = 0;  ///< of the region, counted from pixels.start
  float end = 0;
};
SourceAxis source_axis(const Span& region, std::uint32_t divisor);

/// The resize of such a region to `out` pixels, of which `wanted` are used.
AxisResize resize_of(const SourceAxis& source, std::uint32_t out, Filter filter, const Span& wanted);

/// The pixels that the resize reads for the crop, of a picture whose sides are divided by `divisor`. Nothing when that
/// is all of them, or for a recipe with a thumbnail step or without a resize of both axes.
std::optional<image::Window> source_window(const Geometry& geometry, const PreprocessSpec& spec,
                                           std::uint32_t divisor = 1);

/// The same for a picture of this full size; nothing, too, where the recipe cannot be run on it, which is for
/// preprocess_into to say. As image::Need wants it, it does not throw.
std::optional<image::Window> source_window(Size picture, const PreprocessSpec& spec,
                                           std::uint32_t divisor = 1) noexcept;

/// The least size of a picture of which the first step that resizes it still makes something smaller by
/// least_reduction, so that a decoder's own way of shrinking hardly shows. Nothing where the full size is needed: for a
/// recipe that does not resize, and for one that cannot be run. As image::Need wants it, it does not throw.
std::optional<image::Sides> sufficient_size(Size picture, const PreprocessSpec& spec) noexcept;

/// How much the recipe's own resize must still reduce a picture that the decoder has reduced. A scaled inverse DCT cuts
/// a block's higher frequencies off, which is sharper than the filter that the recipe names; the recipe's filter
/// decides the outcome only where it reaches over several of the decoder's pixels. Hence Pillow's reducing_gap, which
/// Image.thumbnail hands to Image.draft, and its default of 2. Measured through Pillow (draft, then bilinear) on a
/// detailed picture, the mean and the largest difference to the exact way were 1.3 and 10 of 255 levels without such a
/// margin, 0.33 and 2 with 2, 0.28 and 2 with 3; on black and white edges 13 and 57, 5 and 14, 3 and 7.
inline constexpr std::uint32_t least_reduction = 2;

}  // namespace mediscan::recipe
