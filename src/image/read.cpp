// Image::read: a file's bytes, then Image::decode.
#include "base/file.hpp"
#include "image/failure.hpp"

#include <mediscan/image.hpp>

#include <new>

namespace mediscan {

Image Image::read(const std::filesystem::path& path, const DecodeOptions& options) {
  std::vector<std::byte> bytes;
  try {
    bytes = base::read_file(path, options.limits.max_file_bytes, "max_file_bytes", Stage::decode);
  } catch (const std::bad_alloc&) {
    throw image::out_of_memory().about(path.string());
  }
  return decode(bytes, options, path.filename().string());
}

}  // namespace mediscan
