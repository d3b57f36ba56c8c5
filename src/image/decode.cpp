// Image::decode and decode_excerpt: limits, sniff, pre-check, decoder, orientation, in this order.
#include "base/hash.hpp"
#include "base/stopwatch.hpp"
#include "image/decoders.hpp"
#include "image/excerpt.hpp"
#include "image/failure.hpp"
#include "image/jpeg_part.hpp"
#include "image/limits.hpp"
#include "image/orientation.hpp"
#include "image/sniff.hpp"

#include <fmt/format.h>

#include <new>
#include <utility>

namespace mediscan {
namespace {

using image::Bytes;

bool use_turbo(Decoder decoder) {
#ifdef MEDISCAN_WITH_TURBO
  return decoder != Decoder::stb;
#else
  if (decoder == Decoder::turbo) {
    throw Error(ErrorCode::unsupported, Stage::decode, "decoder turbo is not in this build of MediScan",
                "choose decoder auto or stb, or build with -DMEDISCAN_WITH_TURBO=ON");
  }
  return false;
#endif
}

/// One call: what is asked for.
struct Request {
  Bytes bytes;
  const DecodeOptions& options;
  const image::Need* need = nullptr;  ///< null: the whole picture
  int threads = 1;
};

/// Pixels, and which part of what picture they are.
struct Decoded {
  std::shared_ptr<Image::Data> data = std::make_shared<Image::Data>();
  image::Window window;
  image::Sides sides;  ///< of the whole picture in its full size
  std::uint32_t divisor = 1;

  void is_whole(const image::Sides& full) {
    sides = full;
    window = {0, 0, data->width, data->height};
  }
  void is_whole() { is_whole({data->width, data->height}); }
};

#ifdef MEDISCAN_WITH_TURBO

/// Whether pixels are to be turned once they are decoded.
bool is_turned(const image::JpegStructure& jpeg, const Request& request) {
  return request.options.apply_orientation && jpeg.exif_orientation != 1;
}

/// By what the sides are divided while decoding.
std::uint32_t divisor_of(const image::JpegStructure& jpeg, const Request& request) {
  if (!request.options.fast_decode || request.need == nullptr || !request.need->enough) return 1;
  const image::Sides stored{jpeg.width, jpeg.height};
  if (!is_turned(jpeg, request)) return image::divisor_for(stored, request.need->enough(stored), false);
  // Turned, a last pixel that lies in part beyond the picture could become the first, where nobody expects it: so only
  // a divisor without such pixels. Cameras' sides are multiples of 8.
  const image::Sides upright = image::upright(stored, jpeg.exif_orientation);
  return image::divisor_for(upright, request.need->enough(upright), true);
}

/// The part to decode: all of the picture unless less is needed and can be had.
image::Window part_of(const image::JpegStructure& jpeg, std::uint32_t divisor, const Request& request) {
  const image::Sides stored{jpeg.width, jpeg.height};
  const auto [width, height] = image::reduced(stored, divisor);
  const image::Window whole{0, 0, width, height};
  if (request.need == nullptr || !request.need->window || !image::can_decode_part(jpeg)) return whole;
  if (is_turned(jpeg, request)) return whole;
  const auto needed = request.need->window(stored, divisor);
  return needed && whole.contains(*needed) ? image::with_margin(*needed, jpeg, divisor) : whole;
}

Warning fast_decode_warning(const image::Sides& full, std::uint32_t divisor) {
  const image::Sides small = image::reduced(full, divisor);
  return {"FAST_DECODE",
          fmt::format("the picture of {} x {} pixels was decoded at 1/{} of that size, {} x {}, as fast_decode allows; "
                      "scores may differ slightly from those of the exact picture",
                      full.width, full.height, divisor, small.width, small.height)};
}

#endif

void decode_jpeg(const Request& request, [[maybe_unused]] bool turbo, Decoded& out) {
  const Limits& limits = request.options.limits;
  const auto jpeg = image::precheck_jpeg(request.bytes, limits);
  auto& data = *out.data;
#ifdef MEDISCAN_WITH_TURBO
  if (turbo) {
    out.sides = {jpeg.width, jpeg.height};
    out.divisor = divisor_of(jpeg, request);
    out.window = part_of(jpeg, out.divisor, request);
    image::decode_turbo(request.bytes, jpeg, limits, {out.window, out.divisor}, request.threads, data);
    if (out.divisor != 1) data.info.warnings.push_back(fast_decode_warning(out.sides, out.divisor));
  } else
#endif
  {
    image::decode_stb(request.bytes, jpeg, limits, data);
    out.is_whole();
  }
  data.info.format = "jpeg";
  data.info.source_mode = jpeg.source_mode();
  data.info.exif_orientation = jpeg.exif_orientation;
}

void decode_png(const Request& request, [[maybe_unused]] bool turbo, Decoded& out) {
  const Limits& limits = request.options.limits;
  const auto png = image::precheck_png(request.bytes, limits);
  auto& data = *out.data;
#ifdef MEDISCAN_WITH_TURBO
  if (turbo) {
    image::decode_png(request.bytes, png, limits, data);
  } else
#endif
  {
    image::decode_stb(request.bytes, png, limits, data);
  }
  out.is_whole();
  data.info.format = "png";
  data.info.source_mode = png.source_mode();
  data.info.exif_orientation = png.exif_orientation;
  if (png.has_alpha())
    data.info.warnings.push_back({"ALPHA_DROPPED", "the picture has transparency, which was dropped"});
}

[[noreturn]] void throw_unsupported(std::string_view what) {
  if (what.empty())
    throw image::unsupported_format("this is neither a JPEG nor a PNG, nor anything else that is recognised");
  throw image::unsupported_format(fmt::format("this is {}, not a JPEG or PNG", what));
}

void set_upright(Decoded& decoded, const DecodeOptions& options) {
  auto& data = *decoded.data;
  const int orientation = data.info.exif_orientation;
  if (orientation == 1) return;
  if (options.apply_orientation) {
    image::apply_orientation(data, orientation, options.limits);
    data.info.orientation_applied = true;
    decoded.is_whole(image::upright(decoded.sides, orientation));
    return;
  }
  data.info.warnings.push_back(
      {"EXIF_ORIENTATION",
       fmt::format(
           "the camera notes orientation {}, so the stored pixels are turned or mirrored; they are used as stored",
           orientation)});
}

Decoded decode_request(const Request& request, std::string_view name) {
  const base::Stopwatch watch;
  if (request.bytes.empty()) {
    throw Error(ErrorCode::empty_input, Stage::decode, "there are no bytes to decode",
                "check that the file was written or sent completely");
  }
  image::check_file_bytes(request.bytes.size(), request.options.limits);
  const bool turbo = use_turbo(request.options.decoder);
  const auto sniffed = image::sniff(request.bytes);
  Decoded decoded;
  switch (sniffed.kind) {
    case image::Kind::jpeg:
      decode_jpeg(request, turbo, decoded);
      break;
    case image::Kind::png:
      decode_png(request, turbo, decoded);
      break;
    case image::Kind::other:
      throw_unsupported(sniffed.what);
  }
  set_upright(decoded, request.options);
  auto& info = decoded.data->info;
  info.name = name;
  info.sha256 = base::sha256_hex(request.bytes);
  info.decode_ms = watch.ms();
  return decoded;
}

Decoded decode_named(const Request& request, std::string_view name) {
  try {
    return decode_request(request, name);
  } catch (const Error& error) {
    throw error.about(name);
  } catch (const std::bad_alloc&) {
    throw image::out_of_memory().about(name);
  }
}

}  // namespace

Image Image::decode(std::span<const std::byte> bytes, const DecodeOptions& options, std::string_view name) {
  return Image(decode_named({bytes, options}, name).data);
}

image::Excerpt image::decode_excerpt(Bytes bytes, const DecodeOptions& options, std::string_view name, const Need& need,
                                     int threads) {
  Decoded decoded = decode_named({bytes, options, &need, threads}, name);
  const auto [width, height] = decoded.sides;
  return {Image(std::move(decoded.data)), decoded.window, width, height, decoded.divisor};
}

}  // namespace mediscan
