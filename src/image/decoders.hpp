// Which decoders this build has.
#pragma once

#include <string>
#include <vector>

namespace mediscan::image {

/// e.g. {"libjpeg-turbo 2.1.5", "libpng 1.6.39", "stb_image 2.30"}, in order of preference.
std::vector<std::string> decoder_versions();

}  // namespace mediscan::image
