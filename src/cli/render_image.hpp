// A decoded picture described for people: everything known of it but its pixels.
#pragma once

#include <mediscan/image.hpp>
#include <string>
#include <string_view>

#include "cli/terminal.hpp"

namespace mediscan::cli {

/// What of an Image is shown, so that tests need no decoder.
struct ImageFacts {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t channels = 0;
  std::uint32_t bits = 0;
  ImageInfo info;
};

ImageFacts facts_of(const Image& image);

std::string render_image(const ImageFacts& image, std::string_view name, const Style& style);

}  // namespace mediscan::cli
