// A decoded picture of which only a part may be there. For the line from bytes to findings, where the recipe says
// beforehand which part it reads; what a user gets from Image::decode is always whole.
#pragma once

#include "image/integers.hpp"

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
  Image stored;              ///< the pixels of `window`, and what is known of the whole file
  Window window;             ///< where they lie in the picture
  std::uint32_t width = 0;   ///< of the whole picture
  std::uint32_t height = 0;  ///< of the whole picture

  /// All of a picture. Shares its pixels.
  explicit Excerpt(const Image& whole)
      : stored(whole), window{0, 0, whole.width(), whole.height()}, width(whole.width()), height(whole.height()) {}
  Excerpt(Image part, const Window& where, std::uint32_t whole_width, std::uint32_t whole_height)
      : stored(std::move(part)), window(where), width(whole_width), height(whole_height) {}
};

/// Which part of a picture of this size is needed; nothing for all of it. Must not throw.
using WindowOf = std::function<std::optional<Window>(std::uint32_t width, std::uint32_t height)>;

/// As Image::decode, with the same errors for the same bytes, but only the needed part need be there, a margin around
/// it: in the needed window every pixel is the whole decode's, in the margin it may not be. The whole file is read and
/// checked. Where a part cannot be had (PNG, progressive JPEG, an orientation to apply, ...) the excerpt is the whole
/// picture. Uses a second thread where that pays and `threads`, the budget of the process, leaves one.
Excerpt decode_excerpt(Bytes bytes, const DecodeOptions& options, std::string_view name, const WindowOf& window_of,
                       int threads);

}  // namespace mediscan::image
