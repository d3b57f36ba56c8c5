// PNG by libpng: straight into the picture's memory, with a budget for what the library allocates, and every warning an
// error.
#include "image/budget.hpp"
#include "image/color.hpp"
#include "image/decoders.hpp"
#include "image/failure.hpp"
#include "image/limits.hpp"

#include <fmt/format.h>
#include <png.h>

#include <bit>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>

namespace mediscan::image {
namespace {

/// What a decode needs. As in decode_turbo.cpp: the library leaves by longjmp, so what has a destructor lives here or
/// above.
struct Session {
  explicit Session(std::uint64_t bytes_left) : budget(bytes_left) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { png_destroy_read_struct(&codec, &info, nullptr); }

  ByteBudget budget;
  png_structp codec = nullptr;
  png_infop info = nullptr;
  std::jmp_buf escape{};
  std::array<char, 128> message{};
  Bytes bytes;
  std::size_t at = 0;  // read so far
  const PngStructure* png = nullptr;
  png_bytep pixels = nullptr;
  std::size_t row_bytes = 0;
};

[[noreturn]] void leave(Session& session, const char* message) {
  std::snprintf(session.message.data(), session.message.size(), "%s", message);
  std::longjmp(session.escape, 1);  // NOLINT(cert-err52-cpp): the library's own way out
}

[[noreturn]] void on_error(png_structp codec, png_const_charp message) {
  leave(*static_cast<Session*>(png_get_error_ptr(codec)), message);
}

void on_warning(png_structp codec, png_const_charp message) { on_error(codec, message); }

void* allocate(png_structp codec, png_alloc_size_t size) {
  return static_cast<ByteBudget*>(png_get_mem_ptr(codec))->allocate(size);
}

void release(png_structp codec, void* block) { static_cast<ByteBudget*>(png_get_mem_ptr(codec))->release(block); }

void read_bytes(png_structp codec, png_bytep to, std::size_t size) {
  auto& session = *static_cast<Session*>(png_get_io_ptr(codec));
  if (size > session.bytes.size() - session.at) leave(session, "reads beyond the end");
  std::memcpy(to, session.bytes.data() + session.at, size);
  session.at += size;
}

/// What the pre-check has settled is not done again; nothing but IHDR, PLTE and IDAT is looked into.
void restrict(Session& session) {
  png_structp codec = session.codec;
  png_set_benign_errors(codec, 0);
  png_set_user_limits(codec, session.png->width, session.png->height);
  // No limit on the length of chunks: the long ones (a large colour profile) are skipped unread, and the budget bounds
  // what is allocated.
  png_set_chunk_malloc_max(codec, 0);
  png_set_chunk_cache_max(codec, 1);  // 0 would mean any number
  png_set_keep_unknown_chunks(codec, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  const std::array<png_byte, 5> transparency{'t', 'R', 'N', 'S', 0};
  png_set_keep_unknown_chunks(codec, PNG_HANDLE_CHUNK_NEVER, transparency.data(), 1);
  png_set_crc_action(codec, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
}

void set_transforms(Session& session) {
  png_structp codec = session.codec;
  const auto& png = *session.png;
  if (png.color == PngColor::grey && png.depth < 8) png_set_expand_gray_1_2_4_to_8(codec);
  if (png.color == PngColor::palette && png.depth < 8) png_set_packing(codec);  // indices in bytes; expanded afterwards
  if (png.color == PngColor::grey_alpha || png.color == PngColor::rgba) png_set_strip_alpha(codec);
  if (png.depth == 16 && std::endian::native == std::endian::little) png_set_swap(codec);
}

void decode(Session& session) {
  png_structp codec = session.codec;
  const auto& png = *session.png;
  restrict(session);
  png_set_read_fn(codec, &session, read_bytes);
  png_read_info(codec, session.info);
  set_transforms(session);
  const int passes = png_set_interlace_handling(codec);
  png_read_update_info(codec, session.info);
  // A palette's indices lie packed at the beginning of the picture's memory until they are expanded.
  const std::size_t row_bytes = png.color == PngColor::palette ? std::size_t{png.width} : session.row_bytes;
  if (png_get_rowbytes(codec, session.info) != row_bytes)
    leave(session, "the decoder sees another picture than the pre-check");
  for (int pass = 0; pass < passes; ++pass) {
    for (std::size_t y = 0; y < png.height; ++y) png_read_row(codec, session.pixels + y * row_bytes, nullptr);
  }
  png_read_end(codec, nullptr);
}

bool succeeds(Session& session) {
  if (setjmp(session.escape) != 0) return false;  // NOLINT(cert-err52-cpp)
  session.codec = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &session, on_error, on_warning, &session.budget,
                                           allocate, release);
  if (session.codec == nullptr) return false;
  session.info = png_create_info_struct(session.codec);
  if (session.info == nullptr) return false;
  decode(session);
  return true;
}

[[noreturn]] void throw_failure(const Session& session, const Limits& limits) {
  if (session.budget.exceeded()) throw decoded_bytes_exceeded(limits, "decoding this PNG");
  if (session.budget.system_refused() || session.codec == nullptr || session.info == nullptr) throw std::bad_alloc();
  throw corrupt(fmt::format("PNG is damaged near byte {} ({})", session.at, session.message.data()));
}

}  // namespace

std::string libpng_version() { return fmt::format("libpng {}", png_get_libpng_ver(nullptr)); }

void decode_png(Bytes bytes, const PngStructure& png, const Limits& limits, Image::Data& out) {
  allocate_pixels(out, png.width, png.height, png.channels(), png.depth == 16 ? 16 : 8);
  out.info.decoder = libpng_version();
  Session session(limits.max_decoded_bytes - out.size_bytes());
  session.bytes = bytes.first(png.end);
  session.png = &png;
  session.pixels = samples_8(out);
  session.row_bytes = out.row_bytes();
  if (!succeeds(session)) throw_failure(session, limits);
  if (png.color == PngColor::palette) expand_indices(out, png.palette);
}

}  // namespace mediscan::image
