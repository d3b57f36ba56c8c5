// Where every pixel of the tensor comes from: the sizes and offsets that a recipe gives for a picture, with no pixel
// touched.
#pragma once

#include <cstdint>
#include <mediscan/preprocess.hpp>

namespace mediscan::recipe {

struct Size {
  std::uint32_t height = 0;
  std::uint32_t width = 0;

  friend bool operator==(const Size&, const Size&) = default;
};

/// One axis of a crop: pixels [start, start + length) stand at `pad` of an axis of `total`, zeros around them.
struct Span {
  std::uint32_t start = 0;
  std::uint32_t length = 0;
  std::uint32_t pad = 0;
  std::uint32_t total = 0;
};

/// All of an axis, without padding.
constexpr Span whole_axis(std::uint32_t length) { return {0, length, 0, length}; }

struct Geometry {
  Size picture;                      ///< as decoded
  Size thumbnail;                    ///< after the thumbnail step
  Span square_rows, square_columns;  ///< of the thumbnail; never padded
  Size resized;                      ///< after the resize step
  Span rows, columns;                ///< the crop of the resized picture; totals are the tensor's height and width
};

/// Largest tensor: 1 GiB of float32.
inline constexpr std::uint64_t max_tensor_values = 1ULL << 28;

/// Throws LIMIT_EXCEEDED when the tensor or a resized side would be too large. The recipe must be valid.
Geometry geometry_of(Size picture, const PreprocessSpec& spec);

/// Pillow's Image.thumbnail((side, side)): with aspect = width / height, the side that is not `side` is the floor or
/// ceiling of the exact one, whichever keeps the aspect ratio better (the floor on a tie), at least 1.
Size thumbnail_size(Size picture, std::uint32_t side);

/// torchvision's CenterCrop on one axis.
Span centre_crop(std::uint32_t in, std::uint32_t out);

}  // namespace mediscan::recipe
