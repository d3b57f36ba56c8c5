// A decoded picture as JSON, without its pixels.
#include <mediscan/system.hpp>

#include "result/json_parts.hpp"

namespace mediscan {

std::string to_json(const Image& image, int indent) {
  const ImageInfo& info = image.info();
  const result::Json json = {{"name", info.name},
                             {"sha256", info.sha256},
                             {"format", info.format},
                             {"decoder", info.decoder},
                             {"source_mode", info.source_mode},
                             {"width", image.width()},
                             {"height", image.height()},
                             {"channels", image.channels()},
                             {"bits", image.bits()},
                             {"exif_orientation", info.exif_orientation},
                             {"orientation_applied", info.orientation_applied},
                             {"decode_ms", result::finite(info.decode_ms, "decode_ms")},
                             {"warnings", result::warnings_json(info.warnings)}};
  return result::text_of(json, indent);
}

}  // namespace mediscan
