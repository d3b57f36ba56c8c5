// Whether a PNG's image data inflates to exactly the rows its header announces. No pixel is made of it.
#include "image/failure.hpp"
#include "image/precheck.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <new>

namespace mediscan::image {
namespace {

std::uint64_t bytes_of_rows(const PngStructure& png, std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0) return 0;
  return height * (1 + (width * png.stored_channels() * png.depth + 7) / 8);  // each row begins with its filter
}

/// Inflated size by the header (ISO/IEC 15948, 8.2 for the seven passes of an interlaced picture).
std::uint64_t announced_bytes(const PngStructure& png) {
  if (!png.interlaced) return bytes_of_rows(png, png.width, png.height);
  struct Pass {
    std::uint32_t x, y, step_x, step_y;
  };
  constexpr std::array<Pass, 7> passes{
      {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}};
  std::uint64_t sum = 0;
  for (const auto& pass : passes) {
    const std::uint64_t width = png.width > pass.x ? (png.width - pass.x + pass.step_x - 1) / pass.step_x : 0;
    const std::uint64_t height = png.height > pass.y ? (png.height - pass.y + pass.step_y - 1) / pass.step_y : 0;
    sum += bytes_of_rows(png, width, height);
  }
  return sum;
}

/// An inflate stream that is closed on every way out. zlib takes some 40 KiB for it.
class Inflater {
 public:
  Inflater() {
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

void check_image_data(Bytes bytes, const PngStructure& png) {
  const std::uint64_t announced = announced_bytes(png);
  std::uint64_t got = 0;
  Inflater inflater;
  z_stream& stream = inflater.stream();
  std::array<Bytef, 16384> window{};
  int status = Z_OK;
  for (const Range& part : png.image_data) {
    const Bytes content = bytes.subspan(part.begin, part.size());
    // zlib takes a pointer to non-const and does not write through it.
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(content.data()));  // NOLINT
    stream.avail_in = static_cast<uInt>(content.size());  // a chunk has at most 2^31 - 1 bytes
    while (status != Z_STREAM_END) {
      stream.next_out = window.data();
      stream.avail_out = static_cast<uInt>(window.size());
      status = inflate(&stream, Z_NO_FLUSH);
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
        throw corrupt(fmt::format("PNG image data is damaged near byte {} ({})", part.end - stream.avail_in,
                                  stream.msg == nullptr ? "zlib gives no reason" : stream.msg));
      }
      got += window.size() - stream.avail_out;
      if (got > announced) {
        throw corrupt(fmt::format("PNG image data inflates to more than the {} bytes its header announces", announced));
      }
      if (stream.avail_out != 0) break;  // this chunk is used up
    }
    if (status == Z_STREAM_END && stream.avail_in != 0) {
      throw corrupt(
          fmt::format("PNG image data ends at byte {} but its IDAT chunk goes on", part.end - stream.avail_in));
    }
  }
  if (status != Z_STREAM_END || got != announced) {
    throw corrupt(fmt::format("PNG image data inflates to {} of the {} bytes its header announces", got, announced));
  }
}

}  // namespace mediscan::image
