// mediscan_image.
#include "capi/image.hpp"

#include <mediscan/system.hpp>

#include "capi/arguments.hpp"
#include "capi/boundary.hpp"

namespace mediscan::capi {

DecodeOptions decode_options(const mediscan_decode_options* given) {
  const auto options = options_of(given, "mediscan_decode_options");
  if (options.reserved != 0) invalid("mediscan_decode_options.reserved", "is not 0");
  if (options.reserved2 != 0) invalid("mediscan_decode_options.reserved2", "is not 0");
  DecodeOptions result;
  const auto set = [](auto& limit, auto value) {
    if (value != 0) limit = value;
  };
  set(result.limits.max_pixels, options.max_pixels);
  set(result.limits.max_decoded_bytes, options.max_decoded_bytes);
  set(result.limits.max_file_bytes, options.max_file_bytes);
  set(result.limits.max_side, options.max_side);
  result.decoder = choice_of<Decoder>(options.decoder, "mediscan_decode_options.decoder",
                                      {{"auto", Decoder::automatic}, {"turbo", Decoder::turbo}, {"stb", Decoder::stb}});
  result.apply_orientation = options.apply_orientation != 0;
  result.fast_decode = options.fast_decode != 0;
  return result;
}

std::string name_in(const mediscan_decode_options* given) {
  const auto options = options_of(given, "mediscan_decode_options");
  return options.name == nullptr ? std::string{} : options.name;
}

std::span<const std::byte> bytes_of(const void* data, std::size_t length) {
  if (length != 0) require(data, "bytes");
  return {static_cast<const std::byte*>(data), length};
}

namespace {

mediscan_image* new_image(Image image) {
  return new_handle<mediscan_image>(std::make_unique<ImageObject>(ImageObject{std::move(image)}));
}

PixelView view_of(const mediscan_pixels* given) {
  require(given, "pixels");
  const auto pixels = options_of(given, "mediscan_pixels");
  if (pixels.reserved != 0) invalid("mediscan_pixels.reserved", "is not 0");
  return {pixels.data,     pixels.width, pixels.height,
          pixels.channels, pixels.bits,  static_cast<std::size_t>(pixels.row_bytes)};
}

mediscan_image_info info_of(const Image& image) {
  const ImageInfo& known = image.info();
  mediscan_image_info info{};
  info.width = image.width();
  info.height = image.height();
  info.channels = image.channels();
  info.bits = image.bits();
  info.exif_orientation = known.exif_orientation;
  info.orientation_applied = known.orientation_applied ? 1 : 0;
  info.warning_count = static_cast<std::uint32_t>(known.warnings.size());
  info.name = known.name.c_str();
  info.sha256 = known.sha256.c_str();
  info.format = known.format.c_str();
  info.decoder = known.decoder.c_str();
  info.source_mode = known.source_mode.c_str();
  info.decode_ms = known.decode_ms;
  info.pixels = image.pixels().data();
  info.pixel_bytes = image.pixels().size();
  return info;
}

}  // namespace
}  // namespace mediscan::capi

using namespace mediscan::capi;

void mediscan_decode_options_init(mediscan_decode_options* options, size_t size) { init_struct(options, size); }

mediscan_status mediscan_image_decode(const void* bytes, size_t length, const mediscan_decode_options* options,
                                      mediscan_image** image, mediscan_error** error) {
  return boundary(error, [&] {
    require(image, "image");
    *image = new_image(mediscan::Image::decode(bytes_of(bytes, length), decode_options(options), name_in(options)));
  });
}

mediscan_status mediscan_image_read(const char* path, size_t path_length, const mediscan_decode_options* options,
                                    mediscan_image** image, mediscan_error** error) {
  return boundary(error, [&] {
    require(image, "image");
    *image = new_image(mediscan::Image::read(text_of(path, path_length, "path"), decode_options(options)));
  });
}

mediscan_status mediscan_image_from_pixels(const mediscan_pixels* pixels, const mediscan_decode_options* options,
                                           mediscan_image** image, mediscan_error** error) {
  return boundary(error, [&] {
    require(image, "image");
    *image = new_image(mediscan::Image::from_pixels(view_of(pixels), name_in(options), decode_options(options).limits));
  });
}

mediscan_status mediscan_image_get_info(const mediscan_image* image, mediscan_image_info* info,
                                        mediscan_error** error) {
  return boundary(error, [&] { write_struct(info_of(object_of(image)->image), info, "mediscan_image_info"); });
}

mediscan_status mediscan_image_json(const mediscan_image* image, char** json, mediscan_error** error) {
  return boundary(error, [&] {
    require(json, "json");
    *json = owned_text(to_json(object_of(image)->image));
  });
}

mediscan_status mediscan_image_retain(mediscan_image* image) { return retain(image); }
mediscan_status mediscan_image_release(mediscan_image* image) { return release(image); }
