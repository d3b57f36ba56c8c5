// Turning and mirroring pixels as an EXIF orientation says.
#pragma once

#include "image/image_data.hpp"
#include "image/reduction.hpp"

#include <mediscan/options.hpp>

namespace mediscan::image {

/// Puts the pixels upright for `orientation` 1 to 8 (1 does nothing), as Pillow's ImageOps.exif_transpose. Needs the
/// picture's memory a second time meanwhile: LIMIT_EXCEEDED when that is beyond max_decoded_bytes.
void apply_orientation(Image::Data& data, int orientation, const Limits& limits);

/// The sides that a picture of these stored sides has once it is upright.
Sides upright(const Sides& stored, int orientation);

}  // namespace mediscan::image
