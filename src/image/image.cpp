// Image's members, and Image::from_pixels.
#include <mediscan/error.hpp>
#include <mediscan/image.hpp>

#include "base/hash.hpp"
#include "base/stopwatch.hpp"
#include "image/color.hpp"
#include "image/decoders.hpp"
#include "image/failure.hpp"
#include "image/image_data.hpp"
#include "image/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace mediscan {
namespace {

Error invalid(std::string message, std::string hint = {}) {
  return {ErrorCode::invalid_argument, Stage::decode, std::move(message), std::move(hint)};
}

void check_view(const PixelView& view, const Limits& limits) {
  if (view.data == nullptr) throw invalid("PixelView::data is null");
  if (view.width == 0 || view.height == 0)
    throw invalid(fmt::format("PixelView is {} x {} pixels", view.width, view.height));
  if (view.channels != 1 && view.channels != 3 && view.channels != 4) {
    throw invalid(fmt::format("PixelView::channels is {}", view.channels), "give 1 (grey), 3 (RGB) or 4 (RGBA)");
  }
  if (view.bits < 8 || view.bits > 16)
    throw invalid(fmt::format("PixelView::bits is {}", view.bits), "give 8, or 9 to 16 in uint16 samples");
  const std::uint32_t sample_bytes = view.bits == 8 ? 1 : 2;
  const std::uint32_t kept = view.channels == 1 ? 1 : 3;
  image::check_size(view.width, view.height, kept * sample_bytes, limits);
  const std::size_t row = std::size_t{view.width} * view.channels * sample_bytes;
  if (view.row_bytes != 0 && view.row_bytes < row) {
    throw invalid(fmt::format("PixelView::row_bytes is {} but a row has {} bytes", view.row_bytes, row),
                  "give 0 for tightly packed rows");
  }
}

/// 16-bit samples are held against `bits`: one beyond it would be scaled to more than full intensity later on.
void check_samples(const Image::Data& data) {
  if (data.bits == 8 || data.bits == 16) return;
  const std::uint32_t largest = (1U << data.bits) - 1U;
  const std::size_t samples_a_row = std::size_t{data.width} * data.channels;
  for (std::size_t i = 0; i < samples_a_row * data.height; ++i) {
    std::uint16_t sample = 0;
    std::memcpy(&sample, data.pixels.get() + i * sizeof sample, sizeof sample);
    if (sample > largest) {
      throw invalid(fmt::format("sample {} at pixel ({}, {}) is beyond the {} of {} bits", sample,
                                i % samples_a_row / data.channels, i / samples_a_row, largest, data.bits),
                    "set PixelView::bits to the number of significant bits");
    }
  }
}

std::shared_ptr<const Image::Data> copy_pixels(const PixelView& view, std::string_view name, const Limits& limits) {
  const base::Stopwatch watch;
  check_view(view, limits);
  auto data = std::make_shared<Image::Data>();
  image::allocate_pixels(*data, view.width, view.height, view.channels == 1 ? 1 : 3, view.bits);
  const std::size_t sample_bytes = data->bytes_per_sample();
  const std::size_t stride =
      view.row_bytes != 0 ? view.row_bytes : std::size_t{view.width} * view.channels * sample_bytes;
  for (std::size_t y = 0; y < view.height; ++y) {
    image::copy_channels(static_cast<const std::byte*>(view.data) + y * stride, view.channels,
                         data->pixels.get() + y * data->row_bytes(), data->channels, sample_bytes, view.width);
  }
  check_samples(*data);
  auto& info = data->info;
  info.name = name;
  info.sha256 = base::sha256_hex({data->pixels.get(), data->size_bytes()});
  info.format = "pixels";
  info.source_mode = view.channels == 1 ? "grey" : view.channels == 3 ? "rgb" : "rgba";
  if (view.channels == 4) info.warnings.push_back({"ALPHA_DROPPED", "the picture has transparency, which was dropped"});
  info.decode_ms = watch.ms();
  return data;
}

}  // namespace

Image Image::from_pixels(const PixelView& pixels, std::string_view name, const Limits& limits) {
  try {
    return Image(copy_pixels(pixels, name, limits));
  } catch (const Error& error) {
    throw error.about(name);
  } catch (const std::bad_alloc&) {
    throw image::out_of_memory().about(name);
  }
}

std::uint32_t Image::width() const noexcept { return data_->width; }
std::uint32_t Image::height() const noexcept { return data_->height; }
std::uint32_t Image::channels() const noexcept { return data_->channels; }
std::uint32_t Image::bits() const noexcept { return data_->bits; }
std::uint32_t Image::bytes_per_sample() const noexcept { return static_cast<std::uint32_t>(data_->bytes_per_sample()); }
std::size_t Image::row_bytes() const noexcept { return data_->row_bytes(); }
std::span<const std::byte> Image::pixels() const noexcept { return {data_->pixels.get(), data_->size_bytes()}; }
const ImageInfo& Image::info() const noexcept { return data_->info; }

}  // namespace mediscan
