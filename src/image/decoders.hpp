// The decoders of this build, and what every one of them does: fill an Image::Data from bytes that the pre-check has
// passed.
#pragma once

#include "image/excerpt.hpp"
#include "image/image_data.hpp"
#include "image/precheck.hpp"

#include <mediscan/options.hpp>

#include <string>
#include <vector>

namespace mediscan::image {

/// e.g. {"libjpeg-turbo 2.1.5", "libpng 1.6.39", "stb_image 2.30"}, in order of preference.
std::vector<std::string> decoder_versions();

// Each sets width, height, channels, bits, pixels and info.decoder of `out`, and throws CORRUPT_IMAGE, LIMIT_EXCEEDED
// or std::bad_alloc. What it allocates, `out.pixels` included, stays within limits.max_decoded_bytes (but for a fixed
// 100 KiB or so of its own state).

#ifdef MEDISCAN_WITH_TURBO
std::string turbo_version();
/// What of a JPEG is decoded, and how large.
struct JpegPart {
  Window window;              ///< all of the picture, or what with_margin gives; in pixels of the reduced picture
  std::uint32_t divisor = 1;  ///< of the picture's sides: 1, 2, 4 or 8
};
/// `out` gets the window's size. `threads` as in decode_excerpt.
void decode_turbo(Bytes bytes, const JpegStructure& jpeg, const Limits& limits, const JpegPart& part, int threads,
                  Image::Data& out);
std::string libpng_version();
void decode_png(Bytes bytes, const PngStructure& png, const Limits& limits, Image::Data& out);
#endif

std::string stb_version();
void decode_stb(Bytes bytes, const JpegStructure& jpeg, const Limits& limits, Image::Data& out);
void decode_stb(Bytes bytes, const PngStructure& png, const Limits& limits, Image::Data& out);

/// Sets the shape that the header announces and allocates the pixels, unwritten.
void allocate_pixels(Image::Data& out, std::uint32_t width, std::uint32_t height, std::uint32_t channels,
                     std::uint32_t bits);

/// Turns palette indices, one byte each at the beginning of `out.pixels`, into RGB in place. Throws CORRUPT_IMAGE for
/// one without an entry.
void expand_indices(Image::Data& out, const Palette& palette);

/// The pixels as 8-bit samples.
inline std::uint8_t* samples_8(Image::Data& data) {
  return reinterpret_cast<std::uint8_t*>(
      data.pixels.get());  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast): bytes are bytes
}

}  // namespace mediscan::image
