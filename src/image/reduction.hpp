// How much smaller than it is a JPEG may be decoded: libjpeg's scaled inverse DCT at 1/2, 1/4 and 1/8 of the sides.
// Which size is enough is said by whoever wants the picture; this is arithmetic alone.
#pragma once

#include <cstdint>
#include <optional>

namespace mediscan::image {

/// Width and height.
struct Sides {
  std::uint32_t width = 0;
  std::uint32_t height = 0;

  friend bool operator==(const Sides&, const Sides&) = default;
};

/// A side of the picture when sides are divided by 1, 2, 4 or 8 while decoding: the last pixel may be in part beyond
/// the picture.
constexpr std::uint32_t reduced(std::uint32_t side, std::uint32_t divisor) { return (side + divisor - 1) / divisor; }
constexpr Sides reduced(const Sides& sides, std::uint32_t divisor) {
  return {reduced(sides.width, divisor), reduced(sides.height, divisor)};
}

/// Whether every reduced pixel then lies wholly within the picture.
constexpr bool divides(std::uint32_t divisor, const Sides& sides) {
  return sides.width % divisor == 0 && sides.height % divisor == 0;
}

/// The largest of 8, 4, 2 and 1 by which both sides may be divided and still be at least `enough`, as Pillow's
/// Image.draft chooses; with `in_whole_pixels` one that divides both sides without a rest. 1 when nothing says what is
/// enough.
///
/// Of libjpeg's other scales 3/8, 5/8, 6/8 and 7/8 none is worth it: their transforms have no SIMD kernels. For a
/// 12-megapixel picture libjpeg-turbo 2.1.5 took (Zen 3, AVX2) 11.4, 15.8, 26.3, 18.4, 55.5, 73.3, 102.4 and 31.7 ms at
/// 1/8, 2/8, ... 8/8: 3/8 costs more than 4/8, and beyond 4/8 all cost more than the whole picture.
std::uint32_t divisor_for(const Sides& sides, const std::optional<Sides>& enough, bool in_whole_pixels);

}  // namespace mediscan::image
