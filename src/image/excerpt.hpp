// A decoded picture of which only a part may be there, and which may be smaller than it is stored. For the line from
// bytes to findings, where the recipe says beforehand what it reads; what a user gets from Image::decode is always the
// whole picture in its full size.
#pragma once

#include "image/integers.hpp"
#include "image/reduction.hpp"

#include <cstdint>
#include <functional>
#include <mediscan/image.hpp>
#include <optional>
#include <string_view>

namespace mediscan::image {

/// A rectangle of a picture's pixels.
struct Window {
  std::uint32_t x = 0;
  std::uint32_t y = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;

  [[nodiscard]] std::uint32_t right() const { return x + width; }
  [[nodiscard]] std::uint32_t bottom() const { return y + height; }
  [[nodiscard]] bool contains(const Window& other) const {
    return x <= other.x && y <= other.y && right() >= other.right() && bottom() >= other.bottom();
  }
  friend bool operator==(const Window&, const Window&) = default;
};

struct Excerpt {
  Image stored;               ///< the pixels of `window`, and what is known of the whole file
  Window window;              ///< where they lie in the picture of reduced sides
  std::uint32_t width = 0;    ///< of the whole picture in its full size
  std::uint32_t height = 0;   ///< of the whole picture in its full size
  std::uint32_t divisor = 1;  ///< what its sides were divided by (reduction.hpp): 1, 2, 4 or 8

  /// All of a picture. Shares its pixels.
  explicit Excerpt(const Image& whole)
      : stored(whole), window{0, 0, whole.width(), whole.height()}, width(whole.width()), height(whole.height()) {}
  Excerpt(Image part, const Window& where, std::uint32_t whole_width, std::uint32_t whole_height,
          std::uint32_t sides_divided_by = 1)
      : stored(std::move(part)), window(where), width(whole_width), height(whole_height), divisor(sides_divided_by) {}
};

/// What the caller needs of a picture whose size is known only when its header has been read. Sizes are those of the
/// picture as the caller gets it, turned upright where that was asked for. Neither function may throw.
struct Need {
  /// The part that is needed when sides are divided by `divisor`, in pixels of that size; nothing for all of it.
  std::function<std::optional<Window>(const Sides& picture, std::uint32_t divisor)> window;
  /// The least size that is enough; nothing when it is the full one. Asked only with DecodeOptions::fast_decode.
  std::function<std::optional<Sides>(const Sides& picture)> enough;
};

/// As Image::decode, with the same errors for the same bytes, but only the needed part need be there, a margin around
/// it: in the needed window every pixel is the whole decode's, in the margin it may not be. The whole file is read and
/// checked. Where a part cannot be had (PNG, progressive JPEG, an orientation to apply, ...) the excerpt is the whole
/// picture. With DecodeOptions::fast_decode libjpeg-turbo decodes to the smallest size that is enough, with the warning
/// FAST_DECODE where that is not the full one. Uses a second thread where that pays and `threads`, the budget of the
/// process, leaves one.
Excerpt decode_excerpt(Bytes bytes, const DecodeOptions& options, std::string_view name, const Need& need, int threads);

}  // namespace mediscan::image
