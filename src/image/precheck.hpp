// The structural pre-check that stands before every decoder: is this a whole JPEG or PNG of a kind we read, within the
// limits? It allocates nothing that the input could make large, and decodes no pixel.
#pragma once

#include "image/color.hpp"
#include "image/integers.hpp"

#include <mediscan/options.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mediscan::image {

/// Part of a file: [begin, end).
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;

  [[nodiscard]] std::size_t size() const { return end - begin; }
  friend bool operator==(const Range&, const Range&) = default;
};

enum class PngColor : std::uint8_t { grey = 0, rgb = 2, palette = 3, grey_alpha = 4, rgba = 6 };

/// What the chunks of a well-formed PNG say.
struct PngStructure {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t depth = 0;  ///< bits a stored sample: 1, 2, 4, 8 or 16
  PngColor color = PngColor::grey;
  bool interlaced = false;
  Palette palette;                ///< of a palette picture
  std::vector<Range> image_data;  ///< contents of the IDAT chunks
  Range transparency;             ///< the whole tRNS chunk, from its length to its CRC; empty when absent
  int exif_orientation = 1;
  std::size_t end = 0;  ///< just behind IEND

  [[nodiscard]] std::uint32_t stored_channels() const;  ///< 1 to 4
  [[nodiscard]] std::uint32_t channels() const;         ///< of the Image: 1 or 3
  [[nodiscard]] bool has_alpha() const;                 ///< an alpha channel or a tRNS chunk
  [[nodiscard]] std::string_view source_mode() const;
};

/// Throws CORRUPT_IMAGE, TRUNCATED_IMAGE, UNSUPPORTED_FORMAT or LIMIT_EXCEEDED. Bytes behind IEND are allowed.
PngStructure precheck_png(Bytes bytes, const Limits& limits);

/// How a JPEG's components are to be understood, by libjpeg's rules.
enum class JpegColor { grey, ycbcr, rgb, cmyk, ycck };

struct JpegComponent {
  std::uint32_t id = 0;
  std::uint32_t horizontal = 1;  ///< sampling factors
  std::uint32_t vertical = 1;
  std::uint32_t quantisation = 0;
};

/// What the segments of a well-formed JPEG say.
struct JpegStructure {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t component_count = 0;  ///< 1, 3 or 4
  std::array<JpegComponent, 4> components{};
  bool progressive = false;
  JpegColor color = JpegColor::grey;
  std::uint32_t scans = 0;
  std::vector<Range> application_segments;  ///< APPn and comments, from their 0xff on
  int exif_orientation = 1;
  std::size_t end = 0;  ///< just behind the end marker

  [[nodiscard]] std::uint32_t channels() const { return component_count == 1 ? 1 : 3; }
  [[nodiscard]] std::string_view source_mode() const;
};

inline constexpr std::uint32_t max_jpeg_scans = 100;

/// Throws CORRUPT_IMAGE, TRUNCATED_IMAGE, UNSUPPORTED_FORMAT or LIMIT_EXCEEDED. Bytes behind the end marker are
/// allowed.
JpegStructure precheck_jpeg(Bytes bytes, const Limits& limits);

/// Inflates a PNG's image data through a small window and throws CORRUPT_IMAGE or TRUNCATED_IMAGE unless it is exactly
/// the rows that the header announces, with the right checksum. For decoders that do not look (stb_image); libpng does
/// this itself.
void check_image_data(Bytes bytes, const PngStructure& png);

}  // namespace mediscan::image
