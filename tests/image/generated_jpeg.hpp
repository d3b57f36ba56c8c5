// JPEG files of any sampling, size and restart interval, made by libjpeg's encoder: the decoders are compared with
// themselves on them, whole against part, so that no outside truth is needed.
#pragma once

#include "pictures.hpp"

#include <cstdint>
#include <string>

namespace mediscan::test {

struct JpegRecipe {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool grey = false;
  int horizontal = 1;  ///< sampling factors of luma; chroma has 1 x 1
  int vertical = 1;
  unsigned restart_interval = 0;  ///< in coded units; 0 for none
  bool progressive = false;
  bool cmyk = false;
  int quality = 90;
  unsigned seed = 1;
};

/// Hard edges and noise in every channel, so that a pixel from the wrong place, or upsampled from a wrong neighbour, is
/// a different one.
ByteVector generated_jpeg(const JpegRecipe& recipe);

/// The samplings that can_decode_part names, e.g. {"4:2:0", 2, 2}.
struct Sampling {
  const char* name;
  bool grey;
  int horizontal;
  int vertical;
};
const std::vector<Sampling>& samplings();

}  // namespace mediscan::test
