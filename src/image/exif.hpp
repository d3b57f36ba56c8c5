// The one thing that is read from EXIF: how the camera was held.
#pragma once

#include "image/integers.hpp"

namespace mediscan::image {

/// Orientation 1 to 8 of a TIFF block (what follows "Exif\0\0" in a JPEG's APP1, or a PNG's eXIf). Absent, impossible
/// or beyond the block: 1. Never throws; EXIF that is damaged says nothing about the pixels.
int exif_orientation(Bytes tiff) noexcept;

}  // namespace mediscan::image
