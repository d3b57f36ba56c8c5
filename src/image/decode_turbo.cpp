// JPEG by the libjpeg API of libjpeg-turbo. Its default settings (accurate integer DCT, fancy upsampling) are Pillow's,
// and so are its pixels, those of reduced size (Pillow's Image.draft) too. Every warning of the library is an error
// here. A part of a picture, or a smaller one, costs the reading of the whole file, so that damage anywhere is an
// error, but the transform of that part alone, in that size.
#include "image/color.hpp"
#include "image/decoders.hpp"
#include "image/failure.hpp"
#include "image/jpeg_part.hpp"
#include "image/limits.hpp"
#include "image/second_thread.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <limits>
#include <new>
// libjpeg's headers want <cstdio> before them.
#include <jerror.h>
#include <jpeglib.h>

#ifndef LIBJPEG_TURBO_VERSION
#error \
    "This libjpeg is not libjpeg-turbo, which alone can decode parts. Install it, or build with MEDISCAN_WITH_TURBO=OFF."
#endif

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
  Window part;                     ///< what is wanted; not the whole only where can_decode_part
  std::uint32_t divisor = 1;       ///< of the picture's sides
  std::uint8_t* pixels = nullptr;  ///< of the part's first row
  std::size_t row_bytes = 0;
  bool to_the_end = true;  ///< false: what comes behind the part's last row is another session's to check
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

/// Tells the library to transform only the part's columns.
void choose_columns(Session& session) {
  auto& codec = session.codec;
  JDIMENSION x = session.part.x;
  JDIMENSION width = session.part.width;
  if (width == codec.output_width) return;
  jpeg_crop_scanline(&codec, &x, &width);
  if (x != session.part.x || width != session.part.width) refuse(session, "the decoder cuts columns elsewhere");
}

/// Reads coded rows without transforming them. `row` is at a boundary of coded units or the picture's last row; to skip
/// to its end would tell the library to stop reading.
void skip_to(Session& session, JDIMENSION row) {
  auto& codec = session.codec;
  if (codec.output_scanline < row) jpeg_skip_scanlines(&codec, row - codec.output_scanline);
}

void read_rows(Session& session, JDIMENSION end) {
  auto& codec = session.codec;
  while (codec.output_scanline < end) {
    std::array<JSAMPROW, 4> rows{};
    const auto wanted = std::min<JDIMENSION>(static_cast<JDIMENSION>(rows.size()), end - codec.output_scanline);
    for (JDIMENSION i = 0; i < wanted; ++i)
      rows[i] = session.pixels + (std::size_t{codec.output_scanline} + i - session.part.y) * session.row_bytes;
    jpeg_read_scanlines(&codec, rows.data(), wanted);
  }
}

/// Reads what comes behind the part, only to see that it is sound.
void read_rest(Session& session) {
  auto& codec = session.codec;
  if (codec.output_scanline == codec.output_height) return;
  skip_to(session, codec.output_height - 1);
  const std::size_t samples = std::size_t{codec.output_width} * static_cast<std::size_t>(codec.output_components);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-cstyle-cast): libjpeg gives memory as void*
  auto* row =
      static_cast<JSAMPROW>(codec.mem->alloc_large(reinterpret_cast<j_common_ptr>(&codec), JPOOL_IMAGE, samples));
  jpeg_read_scanlines(&codec, &row, 1);
}

void read_part(Session& session) {
  choose_columns(session);
  skip_to(session, session.part.y);
  read_rows(session, session.part.bottom());
  if (session.to_the_end) read_rest(session);
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
  codec.scale_denom = session.divisor;
  jpeg_start_decompress(&codec);
  const int components = codec.out_color_space == JCS_CMYK ? 4 : static_cast<int>(jpeg.channels());
  const JDIMENSION width = reduced(jpeg.width, session.divisor);
  const JDIMENSION height = reduced(jpeg.height, session.divisor);
  if (codec.output_width != width || codec.output_height != height || codec.output_components != components) {
    refuse(session, "the decoder sees another picture than the pre-check");
  }
  if (codec.out_color_space == JCS_CMYK) {
    read_cmyk_rows(session);
  } else {
    read_part(session);
  }
  if (session.to_the_end) jpeg_finish_decompress(&codec);
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

/// The first rows on another thread, the rest and the check of the whole file on this one: so this one's error is the
/// error.
void decode_in_two(Session& below, std::uint32_t split, const SecondThread& second, const Limits& limits) {
  Session above;
  above.bytes = below.bytes;
  above.jpeg = below.jpeg;
  above.part = below.part;
  above.pixels = below.pixels;
  above.row_bytes = below.row_bytes;
  above.memory = below.memory;
  above.to_the_end = false;
  above.part.height = split - below.part.y;
  below.pixels += std::size_t{above.part.height} * below.row_bytes;
  below.part.y = split;
  below.part.height -= above.part.height;
  bool above_succeeds = false;
  bool below_succeeds = false;
  second.run_both([&] { below_succeeds = succeeds(below); }, [&] { above_succeeds = succeeds(above); });
  if (!below_succeeds) throw_failure(below, limits);
  if (!above_succeeds) throw_failure(above, limits);
}

#define MEDISCAN_TEXT_OF(x) #x
#define MEDISCAN_TEXT(x) MEDISCAN_TEXT_OF(x)

}  // namespace

std::string turbo_version() { return "libjpeg-turbo " MEDISCAN_TEXT(LIBJPEG_TURBO_VERSION); }

void decode_turbo(Bytes bytes, const JpegStructure& jpeg, const Limits& limits, const JpegPart& part, int threads,
                  Image::Data& out) {
  const Window& window = part.window;
  allocate_pixels(out, window.width, window.height, jpeg.channels(), 8);
  out.info.decoder = turbo_version();
  // The library takes 0 for "no limit", so 1 is the least it can be told.
  const std::uint64_t left = std::max<std::uint64_t>(limits.max_decoded_bytes - out.size_bytes(), 1);
  Session session;
  session.bytes = bytes.first(jpeg.end);
  session.jpeg = &jpeg;
  session.part = window;
  session.divisor = part.divisor;
  session.pixels = samples_8(out);
  session.row_bytes = out.row_bytes();
  session.memory = static_cast<long>(std::min<std::uint64_t>(left, std::numeric_limits<long>::max()));
  // Of a reduced picture nearly all of the time goes into reading coded bytes, which two threads cannot share.
  if (part.divisor == 1 && std::uint64_t{window.width} * window.height >= min_pixels_for_two && can_decode_part(jpeg)) {
    const SecondThread second(threads);
    const RowShare share = share_rows(window, jpeg);
    if (second.granted() && share.saved_fraction >= least_saved_by_two)
      return decode_in_two(session, share.split, second, limits);
  }
  if (!succeeds(session)) throw_failure(session, limits);
}

}  // namespace mediscan::image
