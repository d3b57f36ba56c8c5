// Image::decode: limits, sniff, pre-check, decoder, orientation, in this order.
#include "base/hash.hpp"
#include "base/stopwatch.hpp"
#include "image/decoders.hpp"
#include "image/failure.hpp"
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

template <class Structure>
void decode_checked(Bytes bytes, const Structure& structure, const Limits& limits, [[maybe_unused]] bool turbo,
                    Image::Data& out) {
#ifdef MEDISCAN_WITH_TURBO
  if (turbo) {
    if constexpr (std::is_same_v<Structure, image::JpegStructure>) {
      image::decode_turbo(bytes, structure, limits, out);
    } else {
      image::decode_png(bytes, structure, limits, out);
    }
    return;
  }
#endif
  image::decode_stb(bytes, structure, limits, out);
}

void decode_jpeg(Bytes bytes, const DecodeOptions& options, bool turbo, Image::Data& out) {
  const auto jpeg = image::precheck_jpeg(bytes, options.limits);
  decode_checked(bytes, jpeg, options.limits, turbo, out);
  out.info.format = "jpeg";
  out.info.source_mode = jpeg.source_mode();
  out.info.exif_orientation = jpeg.exif_orientation;
}

void decode_png(Bytes bytes, const DecodeOptions& options, bool turbo, Image::Data& out) {
  const auto png = image::precheck_png(bytes, options.limits);
  decode_checked(bytes, png, options.limits, turbo, out);
  out.info.format = "png";
  out.info.source_mode = png.source_mode();
  out.info.exif_orientation = png.exif_orientation;
  if (png.has_alpha())
    out.info.warnings.push_back({"ALPHA_DROPPED", "the picture has transparency, which was dropped"});
}

[[noreturn]] void throw_unsupported(std::string_view what) {
  if (what.empty())
    throw image::unsupported_format("this is neither a JPEG nor a PNG, nor anything else that is recognised");
  throw image::unsupported_format(fmt::format("this is {}, not a JPEG or PNG", what));
}

void set_upright(Image::Data& data, const DecodeOptions& options) {
  const int orientation = data.info.exif_orientation;
  if (orientation == 1) return;
  if (options.apply_orientation) {
    image::apply_orientation(data, orientation, options.limits);
    data.info.orientation_applied = true;
    return;
  }
  data.info.warnings.push_back(
      {"EXIF_ORIENTATION",
       fmt::format(
           "the camera notes orientation {}, so the stored pixels are turned or mirrored; they are used as stored",
           orientation)});
}

std::shared_ptr<const Image::Data> decode_data(Bytes bytes, const DecodeOptions& options, std::string_view name) {
  const base::Stopwatch watch;
  if (bytes.empty()) {
    throw Error(ErrorCode::empty_input, Stage::decode, "there are no bytes to decode",
                "check that the file was written or sent completely");
  }
  image::check_file_bytes(bytes.size(), options.limits);
  const bool turbo = use_turbo(options.decoder);
  const auto sniffed = image::sniff(bytes);
  auto data = std::make_shared<Image::Data>();
  switch (sniffed.kind) {
    case image::Kind::jpeg:
      decode_jpeg(bytes, options, turbo, *data);
      break;
    case image::Kind::png:
      decode_png(bytes, options, turbo, *data);
      break;
    case image::Kind::other:
      throw_unsupported(sniffed.what);
  }
  set_upright(*data, options);
  data->info.name = name;
  data->info.sha256 = base::sha256_hex(bytes);
  data->info.decode_ms = watch.ms();
  return data;
}

}  // namespace

Image Image::decode(std::span<const std::byte> bytes, const DecodeOptions& options, std::string_view name) {
  try {
    return Image(decode_data(bytes, options, name));
  } catch (const Error& error) {
    throw error.about(name);
  } catch (const std::bad_alloc&) {
    throw image::out_of_memory().about(name);
  }
}

}  // namespace mediscan
