// Image::read: a file's bytes, then Image::decode.
#include "base/file.hpp"
#include "image/failure.hpp"

#include <mediscan/image.hpp>

#include <new>

namespace mediscan {

std::vector<std::byte> read_encoded(const std::filesystem::path& path, const Limits& limits) {
  try {
    return base::read_file(path, limits.max_file_bytes, "max_file_bytes", Stage::decode);
  } catch (const std::bad_alloc&) {
    throw image::out_of_memory().about(path.string());
  }
}

Image Image::read(const std::filesystem::path& path, const DecodeOptions& options) {
  return decode(read_encoded(path, options.limits), options, path.filename().string());
}

}  // namespace mediscan
