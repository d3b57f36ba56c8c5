// JPEG and PNG by stb_image, for builds and machines without libjpeg-turbo and libpng. The library is lenient by
// design: what it overlooks (checksums, missing scans, palette indices, component names) the pre-check and this file
// settle before and after it.
#include "image/budget.hpp"
#include "image/color.hpp"
#include "image/decoders.hpp"
#include "image/failure.hpp"
#include "image/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

namespace mediscan::image {
namespace {

/// The budget of the decode that this thread is in. stb_image's allocation hooks have no parameter for it.
thread_local ByteBudget* current_budget = nullptr;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

class UseBudget {
 public:
  explicit UseBudget(ByteBudget& budget) : before_(current_budget) { current_budget = &budget; }
  ~UseBudget() { current_budget = before_; }
  UseBudget(const UseBudget&) = delete;
  UseBudget& operator=(const UseBudget&) = delete;

 private:
  ByteBudget* before_;
};

void* stb_allocate(std::size_t size) { return current_budget->allocate(size); }
void* stb_reallocate(void* block, std::size_t size) { return current_budget->reallocate(block, size); }
void stb_release(void* block) { current_budget->release(block); }

}  // namespace
}  // namespace mediscan::image

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_ASSERT(x)
#define STBI_MALLOC mediscan::image::stb_allocate
#define STBI_REALLOC mediscan::image::stb_reallocate
#define STBI_FREE mediscan::image::stb_release
#include <stb_image.h>

namespace mediscan::image {
namespace {

/// Several pieces of memory that stb_image reads as one file. Lets a few bytes be told differently without a copy of
/// the file.
struct Reader {
  std::vector<Bytes> pieces;
  std::size_t piece = 0;
  std::size_t at = 0;  // in the piece

  std::size_t take(char* to, std::size_t size) {
    std::size_t taken = 0;
    while (taken < size && piece < pieces.size()) {
      const Bytes rest = pieces[piece].subspan(at);
      const std::size_t count = std::min(size - taken, rest.size());
      if (to != nullptr && count != 0) std::memcpy(to + taken, rest.data(), count);
      taken += count;
      at += count;
      if (count == rest.size()) {
        ++piece;
        at = 0;
      }
    }
    return taken;
  }
};

int read(void* user, char* data, int size) {
  return static_cast<int>(static_cast<Reader*>(user)->take(data, static_cast<std::size_t>(size)));
}

// stb_image skips backwards only to undo its own buffering, by no more than it has read: that never happens with what
// is decoded here.
void skip(void* user, int count) {
  if (count > 0) static_cast<Reader*>(user)->take(nullptr, static_cast<std::size_t>(count));
}

int at_end(void* user) {
  const auto* reader = static_cast<const Reader*>(user);
  return reader->piece >= reader->pieces.size() ? 1 : 0;
}

/// Pixels in stb_image's own memory, returned to the budget with it.
struct Decoded {
  ByteBudget* budget = nullptr;
  void* samples = nullptr;
  std::uint32_t channels = 0;

  Decoded() = default;
  Decoded(const Decoded&) = delete;
  Decoded& operator=(const Decoded&) = delete;
  ~Decoded() {
    if (budget != nullptr) budget->release(samples);
  }
};

[[noreturn]] void throw_failure(const ByteBudget& budget, const Limits& limits) {
  if (budget.exceeded()) throw decoded_bytes_exceeded(limits, "decoding this picture with stb_image");
  if (budget.system_refused()) throw std::bad_alloc();
  const char* reason = stbi_failure_reason();
  throw corrupt(fmt::format("picture is damaged (stb_image says: {})", reason == nullptr ? "nothing" : reason));
}

void load(Reader& reader, bool sixteen_bit, std::uint32_t width, std::uint32_t height, ByteBudget& budget,
          const Limits& limits, Decoded& decoded) {
  const UseBudget use(budget);
  const stbi_io_callbacks callbacks{read, skip, at_end};
  int got_width = 0;
  int got_height = 0;
  int got_channels = 0;
  decoded.budget = &budget;
  if (sixteen_bit) {
    decoded.samples = stbi_load_16_from_callbacks(&callbacks, &reader, &got_width, &got_height, &got_channels, 0);
  } else {
    decoded.samples = stbi_load_from_callbacks(&callbacks, &reader, &got_width, &got_height, &got_channels, 0);
  }
  if (decoded.samples == nullptr) throw_failure(budget, limits);
  if (static_cast<std::uint32_t>(got_width) != width || static_cast<std::uint32_t>(got_height) != height) {
    throw corrupt("the decoder sees another picture than the pre-check");
  }
  decoded.channels = static_cast<std::uint32_t>(got_channels);
}

/// Copies what is kept of the decoded samples. The one copy of this decoder: its memory cannot become the Image's.
void keep(const Decoded& decoded, std::uint32_t channels, Image::Data& out) {
  const bool fits = decoded.channels == channels || (decoded.channels == channels + 1 && channels != 2);
  if (!fits)
    throw corrupt(
        fmt::format("the decoder gives {} channels where the header announces {}", decoded.channels, channels));
  const std::size_t pixels = std::size_t{out.width} * out.height;
  copy_channels(static_cast<const std::byte*>(decoded.samples), decoded.channels, out.pixels.get(), channels,
                out.bytes_per_sample(), pixels);
}

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// The file without its application segments and comments, but with an Adobe marker that says outright what the
/// components are. Left to itself the library takes CMYK without such a marker for YCbCr with alpha.
Reader reader_of(Bytes bytes, const JpegStructure& jpeg) {
  // APP14 of 14 bytes: the name, version 100, two flag words; the transform comes last.
  static constexpr std::string_view adobe{"\xff\xee\0\x0e\x41\x64obe\0\x64\0\0\0\0", 15};
  static constexpr std::string_view transform_none{"\0", 1};
  static constexpr std::string_view transform_ycbcr{"\1", 1};
  static constexpr std::string_view transform_ycck{"\2", 1};
  std::string_view transform = transform_none;
  if (jpeg.color == JpegColor::ycbcr) transform = transform_ycbcr;
  if (jpeg.color == JpegColor::ycck) transform = transform_ycck;

  Reader reader;
  reader.pieces = {bytes.first(2), bytes_of(adobe), bytes_of(transform)};
  std::size_t at = 2;
  for (const Range& segment : jpeg.application_segments) {
    if (segment.begin > at) reader.pieces.push_back(bytes.subspan(at, segment.begin - at));
    at = segment.end;
  }
  reader.pieces.push_back(bytes.subspan(at, jpeg.end - at));
  return reader;
}

/// The file without tRNS, and a palette picture as a grey one: the library's grey levels are the indices, scaled. It
/// does not hold indices against the palette's size, and would give out unwritten memory for those beyond it.
Reader reader_of(Bytes bytes, const PngStructure& png) {
  static constexpr std::size_t color_type_at = 25;  // signature 8, length and type 8, sizes 8, depth 1
  static constexpr std::string_view grey{"\0", 1};
  Reader reader;
  std::size_t at = 0;
  if (png.color == PngColor::palette) {
    reader.pieces = {bytes.first(color_type_at), bytes_of(grey)};
    at = color_type_at + 1;
  }
  if (png.transparency.size() != 0) {
    reader.pieces.push_back(bytes.subspan(at, png.transparency.begin - at));
    at = png.transparency.end;
  }
  reader.pieces.push_back(bytes.subspan(at, png.end - at));
  return reader;
}

}  // namespace

std::string stb_version() { return "stb_image " MEDISCAN_STB_VERSION; }

void decode_stb(Bytes bytes, const JpegStructure& jpeg, const Limits& limits, Image::Data& out) {
  const auto& c = jpeg.components;
  if (jpeg.color == JpegColor::ycbcr && c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B') {
    throw unsupported_format(
        "this is a JPEG that calls its components R, G and B and yet is YCbCr, which stb_image takes for RGB",
        "decode it with libjpeg-turbo (decoder turbo)");
  }
  out.info.decoder = stb_version();
  ByteBudget budget(limits.max_decoded_bytes);
  Decoded decoded;
  Reader reader = reader_of(bytes, jpeg);
  load(reader, false, jpeg.width, jpeg.height, budget, limits, decoded);
  if (std::uint64_t{jpeg.width} * jpeg.height * jpeg.channels() > limits.max_decoded_bytes - budget.in_use()) {
    throw decoded_bytes_exceeded(limits, "decoding this JPEG with stb_image");
  }
  allocate_pixels(out, jpeg.width, jpeg.height, jpeg.channels(), 8);
  keep(decoded, jpeg.channels(), out);
}

void decode_stb(Bytes bytes, const PngStructure& png, const Limits& limits, Image::Data& out) {
  check_image_data(bytes, png);
  out.info.decoder = stb_version();
  ByteBudget budget(limits.max_decoded_bytes);
  Decoded decoded;
  Reader reader = reader_of(bytes, png);
  load(reader, png.depth == 16, png.width, png.height, budget, limits, decoded);
  const std::uint32_t sample_bytes = png.depth == 16 ? 2 : 1;
  if (std::uint64_t{png.width} * png.height * png.channels() * sample_bytes >
      limits.max_decoded_bytes - budget.in_use()) {
    throw decoded_bytes_exceeded(limits, "decoding this PNG with stb_image");
  }
  allocate_pixels(out, png.width, png.height, png.channels(), sample_bytes * 8);
  if (png.color != PngColor::palette) return keep(decoded, png.channels(), out);

  auto* indices = static_cast<std::uint8_t*>(decoded.samples);
  const std::size_t pixels = std::size_t{png.width} * png.height;
  if (decoded.channels != 1) throw corrupt("the decoder sees another picture than the pre-check");
  const std::uint32_t levels_an_index = 255U / ((1U << png.depth) - 1U);  // 255, 85, 17 or 1
  std::transform(indices, indices + pixels, samples_8(out),
                 [levels_an_index](std::uint8_t level) { return static_cast<std::uint8_t>(level / levels_an_index); });
  expand_indices(out, png.palette);
}

}  // namespace mediscan::image
