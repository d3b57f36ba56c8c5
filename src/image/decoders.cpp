// What the decoders share: which of them there are, and the picture's memory.
#include "image/decoders.hpp"

#include "image/color.hpp"
#include "image/failure.hpp"

#include <fmt/format.h>

namespace mediscan::image {

std::vector<std::string> decoder_versions() {
  std::vector<std::string> versions;
#ifdef MEDISCAN_WITH_TURBO
  versions.push_back(turbo_version());
  versions.push_back(libpng_version());
#endif
  versions.push_back(stb_version());
  return versions;
}

void allocate_pixels(Image::Data& out, std::uint32_t width, std::uint32_t height, std::uint32_t channels,
                     std::uint32_t bits) {
  out.width = width;
  out.height = height;
  out.channels = channels;
  out.bits = bits;
  out.pixels = base::allocate_large(out.size_bytes());
}

void expand_indices(Image::Data& out, const Palette& palette) {
  std::uint8_t* samples = samples_8(out);
  const std::size_t pixels = std::size_t{out.width} * out.height;
  const std::size_t bad = first_without_entry(samples, palette, pixels);
  if (bad != pixels) {
    throw corrupt(fmt::format("PNG pixel ({}, {}) has palette index {} but the palette has {} entries", bad % out.width,
                              bad / out.width, samples[bad], palette.entries));
  }
  expand_palette(samples, palette, samples, pixels);
}

}  // namespace mediscan::image
