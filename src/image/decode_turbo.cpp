// JPEG by the libjpeg API of libjpeg-turbo. Its default settings (accurate integer DCT, fancy upsampling) are Pillow's,
// and so are its pixels. Every warning of the library is an error here.
#include "image/color.hpp"
#include "image/decoders.hpp"
#include "image/failure.hpp"
#include "image/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <limits>
#include <new>
// libjpeg's headers want <cstdio> before them.
#include <jerror.h>
#include <jpeglib.h>

namespace mediscan::image {
namespace {

/// What a decode needs. The library leaves a failed call by longjmp, which runs no destructors: so everything with a
/// destructor lives here or above, and the functions between setjmp and the library hold trivial values only.
struct Session {
  jpeg_decompress_struct codec{};
  jpeg_error_mgr errors{};
  std::jmp_buf escape{};
  std::array<char, JMSG_LENGTH_MAX> message{};
  Bytes bytes;
  const JpegStructure* jpeg = nullptr;
  std::uint8_t* pixels = nullptr;
  std::size_t row_bytes = 0;
  long memory = 0;

  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { jpeg_destroy_decompress(&codec); }
};

[[noreturn]] void leave(j_common_ptr codec) {
  auto* session = static_cast<Session*>(codec->client_data);
  codec->err->format_message(codec, session->message.data());
  std::longjmp(session->escape, 1);  // NOLINT(cert-err52-cpp): the library's own way out
}

void warn(j_common_ptr codec, int level) {
  if (level < 0) leave(codec);  // below zero: data is damaged; zero and above: trace
}

void never_print(j_common_ptr /*codec*/) {}

[[noreturn]] void refuse(Session& session, const char* what) {
  std::snprintf(session.message.data(), session.message.size(), "%s", what);
  std::longjmp(session.escape, 1);  // NOLINT(cert-err52-cpp)
}

void read_rows(Session& session) {
  auto& codec = session.codec;
  while (codec.output_scanline < codec.output_height) {
    std::array<JSAMPROW, 4> rows{};
    const auto wanted =
        std::min<JDIMENSION>(static_cast<JDIMENSION>(rows.size()), codec.output_height - codec.output_scanline);
    for (JDIMENSION i = 0; i < wanted; ++i)
      rows[i] = session.pixels + (std::size_t{codec.output_scanline} + i) * session.row_bytes;
    jpeg_read_scanlines(&codec, rows.data(), wanted);
  }
}

/// Four components a pixel do not fit the picture's rows: through one row of the library's own memory.
void read_cmyk_rows(Session& session) {
  auto& codec = session.codec;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-cstyle-cast): libjpeg gives memory as void*
  auto* row = static_cast<JSAMPROW>(
      codec.mem->alloc_large(reinterpret_cast<j_common_ptr>(&codec), JPOOL_IMAGE, std::size_t{codec.output_width} * 4));
  while (codec.output_scanline < codec.output_height) {
    std::uint8_t* to = session.pixels + std::size_t{codec.output_scanline} * session.row_bytes;
    if (jpeg_read_scanlines(&codec, &row, 1) == 1) cmyk_to_rgb(row, to, codec.output_width);
  }
}

J_COLOR_SPACE output_space(JpegColor color) {
  switch (color) {
    case JpegColor::grey:
      return JCS_GRAYSCALE;
    case JpegColor::ycbcr:
    case JpegColor::rgb:
      return JCS_RGB;
    case JpegColor::cmyk:
    case JpegColor::ycck:
      return JCS_CMYK;
  }
  return JCS_UNKNOWN;
}

void decode(Session& session) {
  auto& codec = session.codec;
  const auto& jpeg = *session.jpeg;
  jpeg_create_decompress(&codec);
  codec.mem->max_memory_to_use = session.memory;
  jpeg_mem_src(&codec, reinterpret_cast<const unsigned char*>(session.bytes.data()),  // NOLINT: libjpeg's byte
               static_cast<unsigned long>(session.bytes.size()));
  jpeg_read_header(&codec, TRUE);
  codec.out_color_space = output_space(jpeg.color);
  jpeg_start_decompress(&codec);
  const int components = codec.out_color_space == JCS_CMYK ? 4 : static_cast<int>(jpeg.channels());
  if (codec.output_width != jpeg.width || codec.output_height != jpeg.height || codec.output_components != components) {
    refuse(session, "the decoder sees another picture than the pre-check");
  }
  if (codec.out_color_space == JCS_CMYK) {
    read_cmyk_rows(session);
  } else {
    read_rows(session);
  }
  jpeg_finish_decompress(&codec);
}

bool succeeds(Session& session) {
  session.codec.err = jpeg_std_error(&session.errors);
  session.codec.client_data = &session;
  session.errors.error_exit = leave;
  session.errors.emit_message = warn;
  session.errors.output_message = never_print;
  if (setjmp(session.escape) != 0) return false;  // NOLINT(cert-err52-cpp)
  decode(session);
  return true;
}

[[noreturn]] void throw_failure(const Session& session, const Limits& limits) {
  // Without a store on disk the library gives up when its coefficients (two bytes each, all of them for a progressive
  // picture) do not fit.
  if (session.errors.msg_code == JERR_NO_BACKING_STORE)
    throw decoded_bytes_exceeded(limits, "a progressive or multi-scan JPEG of this size");
  if (session.errors.msg_code == JERR_OUT_OF_MEMORY) throw std::bad_alloc();
  const auto* source = session.codec.src;
  const std::size_t left = source == nullptr ? session.bytes.size() : source->bytes_in_buffer;
  throw corrupt(fmt::format("JPEG is damaged near byte {} ({})",
                            session.bytes.size() - std::min(left, session.bytes.size()), session.message.data()));
}

#define MEDISCAN_TEXT_OF(x) #x
#define MEDISCAN_TEXT(x) MEDISCAN_TEXT_OF(x)

}  // namespace

std::string turbo_version() {
#ifdef LIBJPEG_TURBO_VERSION
  return "libjpeg-turbo " MEDISCAN_TEXT(LIBJPEG_TURBO_VERSION);
#else
  return "libjpeg " MEDISCAN_TEXT(JPEG_LIB_VERSION);
#endif
}

void decode_turbo(Bytes bytes, const JpegStructure& jpeg, const Limits& limits, Image::Data& out) {
  allocate_pixels(out, jpeg.width, jpeg.height, jpeg.channels(), 8);
  out.info.decoder = turbo_version();
  // The library takes 0 for "no limit", so 1 is the least it can be told.
  const std::uint64_t left = std::max<std::uint64_t>(limits.max_decoded_bytes - out.size_bytes(), 1);
  Session session;
  session.bytes = bytes.first(jpeg.end);
  session.jpeg = &jpeg;
  session.pixels = samples_8(out);
  session.row_bytes = out.row_bytes();
  session.memory = static_cast<long>(std::min<std::uint64_t>(left, std::numeric_limits<long>::max()));
  if (!succeeds(session)) throw_failure(session, limits);
}

}  // namespace mediscan::image
