// Which part of a JPEG's blocks must be decoded for a window of its pixels, and how two threads share them. Arithmetic
// alone; the decoding is decode_turbo.cpp's.
#pragma once

#include "image/excerpt.hpp"
#include "image/precheck.hpp"

#include <cstdint>

namespace mediscan::image {

/// True for a sequential JPEG of one scan, grey or of three components in a usual sampling (4:4:4, 4:2:2, 4:2:0, 4:4:0,
/// 4:1:1): the kinds that the tests compare with the whole decode.
bool can_decode_part(const JpegStructure& jpeg);

/// The window with its margin: whole rows of coded units, and in each row one unit more on either side than the window
/// touches, because upsampling looks at its neighbour and takes the edge of what is decoded for that of the picture.
/// Both in pixels of the picture whose sides are divided by `divisor`, of which a unit has so many fewer.
Window with_margin(const Window& window, const JpegStructure& jpeg, std::uint32_t divisor = 1);

/// How the rows of `part`, in full size, are shared. Coded bytes can only be read from the beginning, so the second
/// half's thread must read the first half's too, and goes on to the end.
struct RowShare {
  std::uint32_t split = 0;    ///< the first rows are [part.y, split), at a boundary of coded units
  double saved_fraction = 0;  ///< of the time that one thread would take; 0 when one thread is as good
};
RowShare share_rows(const Window& part, const JpegStructure& jpeg);

/// Below this many pixels a second thread is not asked for: its start and end cost some tenths of a millisecond.
inline constexpr std::uint64_t min_pixels_for_two = 2'000'000;
/// Nor for less than this part of the time: on a machine that is busy otherwise, reading twice costs what it saves.
inline constexpr double least_saved_by_two = 0.2;

}  // namespace mediscan::image
