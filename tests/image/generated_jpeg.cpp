#include "generated_jpeg.hpp"

#ifdef MEDISCAN_WITH_TURBO

#include <cstdio>
#include <cstdlib>
#include <random>
// libjpeg's headers want <cstdio> before them.
#include <jpeglib.h>

namespace mediscan::test {
namespace {

constexpr std::uint32_t noise_side = 512;

/// One square of noise for all pictures: drawing numbers for every pixel of large ones would take most of a test's
/// time.
const std::vector<std::uint8_t>& noise() {
  static const auto samples = [] {
    std::minstd_rand random(7);
    std::vector<std::uint8_t> all(std::size_t{noise_side} * noise_side * 4);
    for (auto& sample : all) sample = static_cast<std::uint8_t>(random() >> 8U);
    return all;
  }();
  return samples;
}

void fill_row(std::vector<std::uint8_t>& row, std::uint32_t y, std::size_t channels, unsigned seed) {
  const std::size_t line = (y + seed * 37) % noise_side * noise_side * 4;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::size_t x = i / channels;
    const auto grain = noise()[line + i % (std::size_t{noise_side} * 4)] / 6U;
    const std::size_t stripes = ((x / 5 + y / 3 + seed) % 3 + i % channels) % 3 * 90;
    row[i] = static_cast<std::uint8_t>(stripes + grain);
  }
}

}  // namespace

ByteVector generated_jpeg(const JpegRecipe& recipe) {
  jpeg_compress_struct codec{};
  jpeg_error_mgr errors{};
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  unsigned char* file = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&codec, &file, &size);
  codec.image_width = recipe.width;
  codec.image_height = recipe.height;
  codec.input_components = recipe.cmyk ? 4 : recipe.grey ? 1 : 3;
  codec.in_color_space = recipe.cmyk ? JCS_CMYK : recipe.grey ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&codec);
  jpeg_set_quality(&codec, recipe.quality, TRUE);
  codec.comp_info[0].h_samp_factor = recipe.horizontal;
  codec.comp_info[0].v_samp_factor = recipe.vertical;
  codec.restart_interval = recipe.restart_interval;
  if (recipe.progressive) jpeg_simple_progression(&codec);
  jpeg_start_compress(&codec, TRUE);
  const auto channels = static_cast<std::size_t>(codec.input_components);
  std::vector<std::uint8_t> row(recipe.width * channels);
  JSAMPROW rows = row.data();
  while (codec.next_scanline < codec.image_height) {
    fill_row(row, codec.next_scanline, channels, recipe.seed);
    jpeg_write_scanlines(&codec, &rows, 1);
  }
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  const auto bytes = std::as_bytes(std::span(file, size));
  ByteVector out(bytes.begin(), bytes.end());
  std::free(file);  // NOLINT(*-no-malloc): libjpeg allocated it so
  return out;
}

const std::vector<Sampling>& samplings() {
  static const std::vector<Sampling> all{{"grey", true, 1, 1},   {"4:4:4", false, 1, 1}, {"4:2:2", false, 2, 1},
                                         {"4:4:0", false, 1, 2}, {"4:2:0", false, 2, 2}, {"4:1:1", false, 4, 1}};
  return all;
}

}  // namespace mediscan::test

#endif
