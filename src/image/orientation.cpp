#include "image/orientation.hpp"

#include "image/limits.hpp"

#include <cstring>
#include <utility>

namespace mediscan::image {
namespace {

// EXIF 2.32, tag 0x0112, names for each value where row 0 and column 0 of the stored picture are. Seen from the upright
// picture: which of its axes run against the stored ones, and whether they are swapped.
struct Turn {
  bool swap_axes;
  bool flip_x;
  bool flip_y;
};

Turn turn_of(int orientation) {
  switch (orientation) {
    case 2:
      return {false, true, false};
    case 3:
      return {false, true, true};
    case 4:
      return {false, false, true};
    case 5:
      return {true, false, false};
    case 6:
      return {true, false, true};
    case 7:
      return {true, true, true};
    case 8:
      return {true, true, false};
    default:
      return {false, false, false};
  }
}

template <std::size_t PixelBytes>
void copy_turned(const std::byte* from, std::uint32_t from_width, std::uint32_t from_height, std::byte* to, Turn turn) {
  const std::uint32_t to_width = turn.swap_axes ? from_height : from_width;
  const std::uint32_t to_height = turn.swap_axes ? from_width : from_height;
  for (std::uint32_t y = 0; y < to_height; ++y) {
    for (std::uint32_t x = 0; x < to_width; ++x) {
      const std::uint32_t along_x = turn.swap_axes ? y : x;
      const std::uint32_t along_y = turn.swap_axes ? x : y;
      const std::size_t source_x = turn.flip_x ? from_width - 1 - along_x : along_x;
      const std::size_t source_y = turn.flip_y ? from_height - 1 - along_y : along_y;
      std::memcpy(to, from + (source_y * from_width + source_x) * PixelBytes, PixelBytes);
      to += PixelBytes;
    }
  }
}

}  // namespace

void apply_orientation(Image::Data& data, int orientation, const Limits& limits) {
  if (orientation <= 1) return;
  if (data.size_bytes() > limits.max_decoded_bytes / 2)
    throw decoded_bytes_exceeded(limits, "turning the picture upright");
  const Turn turn = turn_of(orientation);
  base::LargeMemory turned = base::allocate_large(data.size_bytes());
  switch (data.channels * data.bytes_per_sample()) {
    case 1:
      copy_turned<1>(data.pixels.get(), data.width, data.height, turned.get(), turn);
      break;
    case 2:
      copy_turned<2>(data.pixels.get(), data.width, data.height, turned.get(), turn);
      break;
    case 3:
      copy_turned<3>(data.pixels.get(), data.width, data.height, turned.get(), turn);
      break;
    default:
      copy_turned<6>(data.pixels.get(), data.width, data.height, turned.get(), turn);
      break;
  }
  data.pixels = std::move(turned);
  if (turn.swap_axes) std::swap(data.width, data.height);
}

Sides upright(const Sides& stored, int orientation) {
  return turn_of(orientation).swap_axes ? Sides{stored.height, stored.width} : stored;
}

}  // namespace mediscan::image
