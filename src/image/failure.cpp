#include "image/failure.hpp"

namespace mediscan::image {

Error corrupt(std::string message) {
  return {ErrorCode::corrupt_image, Stage::decode, std::move(message),
          "the file is damaged; export or transfer it again"};
}

Error truncated(std::string message) {
  return {ErrorCode::truncated_image, Stage::decode, std::move(message), "the file is incomplete; transfer it again"};
}

Error unsupported_format(std::string message, std::string hint) {
  return {ErrorCode::unsupported_format, Stage::decode, std::move(message), std::move(hint)};
}

Error out_of_memory() {
  return {ErrorCode::out_of_memory, Stage::decode, "the system has no memory left for this picture",
          "decode fewer pictures at once, or lower max_decoded_bytes so that large ones are refused first"};
}

}  // namespace mediscan::image
