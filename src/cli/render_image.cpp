#include "cli/render_image.hpp"

#include <fmt/format.h>

#include <array>

#include "cli/layout.hpp"
#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

/// What EXIF (tag 0x0112) says must be done to the stored rows for the picture to stand upright.
std::string orientation_text(const ImageInfo& info) {
  constexpr std::array<std::string_view, 8> meaning = {"as stored",
                                                       "mirrored left to right",
                                                       "turned by 180 degrees",
                                                       "mirrored top to bottom",
                                                       "mirrored, then turned",
                                                       "to be turned right by 90 degrees",
                                                       "mirrored, then turned",
                                                       "to be turned left by 90 degrees"};
  const int value = info.exif_orientation;
  if (value < 1 || value > 8) return fmt::format("{} (not one of EXIF's)", value);
  std::string text = fmt::format("{} ({})", value, meaning[static_cast<std::size_t>(value - 1)]);
  if (value != 1) text += info.orientation_applied ? ", applied" : ", not applied";
  return text;
}

}  // namespace

ImageFacts facts_of(const Image& image) {
  return {image.width(), image.height(), image.channels(), image.bits(), image.info()};
}

std::string render_image(const ImageFacts& image, std::string_view name, const Style& style) {
  const auto& info = image.info;
  std::string text = paint(style, Ink::bold, escaped(name)) + '\n';
  text += field(style, "format", info.format);
  text += field(style, "size",
                fmt::format("{} x {} pixels ({:.1f} megapixels)", image.width, image.height,
                            static_cast<double>(image.width) * image.height / 1e6));
  text += field(style, "stored as", info.source_mode);
  text +=
      field(style, "decoded to", fmt::format("{}, {} bits a sample", image.channels == 1 ? "grey" : "RGB", image.bits));
  text += field(style, "orientation", orientation_text(info));
  text += field(style, "decoder", info.decoder);
  text += field(style, "decode time", duration_text(info.decode_ms));
  text += field(style, "sha256", info.sha256);
  for (const auto& warning : info.warnings) {
    text += field(style, "warning", fmt::format("{} ({})", warning.message, warning.code), Ink::yellow);
  }
  return text;
}

}  // namespace mediscan::cli
