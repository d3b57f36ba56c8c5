// Structure of a PNG (ISO/IEC 15948): chunk order, lengths, checksums, header. Inflating is for check_image_data and
// the decoders.
#include "image/exif.hpp"
#include "image/failure.hpp"
#include "image/limits.hpp"
#include "image/precheck.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <string>

namespace mediscan::image {
namespace {

constexpr std::array<std::uint8_t, 8> signature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::uint32_t largest_length = 0x7fffffff;
constexpr std::size_t around_data = 12;  // length, type and CRC

bool is_letter(std::uint8_t c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/// The four letters, with the unprintable shown as '?'.
std::string printable(Bytes bytes, std::size_t at) {
  std::string type;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint8_t c = byte_at(bytes, at + i);
    type.push_back(c >= 32 && c < 127 ? static_cast<char>(c) : '?');
  }
  return type;
}

bool depth_fits(PngColor color, std::uint32_t depth) {
  switch (color) {
    case PngColor::grey:
      return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
    case PngColor::palette:
      return depth == 1 || depth == 2 || depth == 4 || depth == 8;
    case PngColor::rgb:
    case PngColor::grey_alpha:
    case PngColor::rgba:
      return depth == 8 || depth == 16;
  }
  return false;
}

/// Walks the chunks once and gathers what they say.
class PngWalk {
 public:
  PngWalk(Bytes bytes, const Limits& limits) : bytes_(bytes), limits_(limits) {}

  PngStructure run() {
    check_signature();
    std::size_t at = signature.size();
    while (png_.end == 0) at = chunk(at);
    return std::move(png_);
  }

 private:
  void check_signature() const {
    const std::size_t present = std::min(bytes_.size(), signature.size());
    for (std::size_t i = 0; i < present; ++i) {
      if (byte_at(bytes_, i) != signature[i]) {
        throw corrupt(fmt::format("PNG signature is damaged at byte {} (transferred as text?)", i));
      }
    }
    if (present < signature.size())
      throw truncated(fmt::format("PNG ends at byte {} inside its signature (truncated upload?)", present));
  }

  /// One chunk that begins at `at`; returns where the next begins.
  std::size_t chunk(std::size_t at) {
    if (bytes_.size() - at < around_data) {
      throw truncated(fmt::format("PNG ends at byte {} before its IEND chunk (truncated upload?)", bytes_.size()));
    }
    const std::uint32_t length = big_endian_32(bytes_, at);
    type_ = printable(bytes_, at + 4);
    at_ = at;
    for (std::size_t i = 4; i < 8; ++i) {
      if (!is_letter(byte_at(bytes_, at + i)))
        throw corrupt(fmt::format("PNG chunk at byte {} has the impossible type '{}'", at, type_));
    }
    if (length > largest_length)
      throw corrupt(fmt::format("PNG chunk {} at byte {} has the impossible length {}", type_, at, length));
    if (length > bytes_.size() - at - around_data) {
      throw truncated(
          fmt::format("PNG ends at byte {} inside its {} chunk of {} bytes that begins at byte {} (truncated upload?)",
                      bytes_.size(), type_, length, at));
    }
    const Range data{at + 8, at + 8 + length};
    check_crc(data);
    if (width_known() == (type_ == "IHDR")) bad(width_known() ? "stands twice" : "stands where IHDR must be first");
    if (type_ != "IDAT" && !png_.image_data.empty()) image_data_over_ = true;
    visit(data);
    return data.end + 4;
  }

  void check_crc(Range data) const {
    const auto* covered = reinterpret_cast<const Bytef*>(bytes_.data() + data.begin - 4);  // NOLINT: zlib's byte
    const auto computed = crc32_z(0, covered, data.size() + 4);
    if (computed != big_endian_32(bytes_, data.end)) bad("has a wrong checksum");
  }

  void visit(Range data) {
    if (type_ == "IHDR") return header(data);
    if (type_ == "PLTE") return palette(data);
    if (type_ == "IDAT") return image_data(data);
    if (type_ == "IEND") return end(data);
    if (type_ == "tRNS") return transparency(data);
    if (type_ == "eXIf") {
      png_.exif_orientation = exif_orientation(bytes_.subspan(data.begin, data.size()));
    } else if (type_ == "CgBI") {
      throw unsupported_format("this is a PNG in Apple's CgBI variant, which only iOS reads");
    } else if ((byte_at(bytes_, at_ + 4) & 0x20U) == 0) {
      bad("is marked as needed for decoding but is no chunk of the standard");
    }
  }

  void header(Range data) {
    if (data.size() != 13) bad(fmt::format("has {} bytes instead of 13", data.size()));
    png_.width = big_endian_32(bytes_, data.begin);
    png_.height = big_endian_32(bytes_, data.begin + 4);
    png_.depth = byte_at(bytes_, data.begin + 8);
    png_.color = static_cast<PngColor>(byte_at(bytes_, data.begin + 9));
    if (png_.width == 0 || png_.height == 0 || png_.width > largest_length || png_.height > largest_length) {
      bad(fmt::format("says {} x {} pixels", png_.width, png_.height));
    }
    if (!depth_fits(png_.color, png_.depth)) {
      bad(fmt::format("says colour type {} with {} bits, which does not exist", byte_at(bytes_, data.begin + 9),
                      png_.depth));
    }
    const std::uint8_t interlace = byte_at(bytes_, data.begin + 12);
    if (byte_at(bytes_, data.begin + 10) != 0 || byte_at(bytes_, data.begin + 11) != 0 || interlace > 1) {
      bad("names a compression, filter or interlace method that does not exist");
    }
    png_.interlaced = interlace == 1;
    check_size(png_.width, png_.height, png_.channels() * (png_.depth == 16 ? 2U : 1U), limits_);
  }

  void palette(Range data) {
    if (png_.palette.entries != 0) bad("stands twice");
    if (!png_.image_data.empty()) bad("stands behind the image data");
    if (png_.color == PngColor::grey || png_.color == PngColor::grey_alpha) bad("stands in a grey picture");
    if (data.size() == 0 || data.size() % 3 != 0 || data.size() > png_.palette.rgb.size()) {
      bad(fmt::format("has {} bytes instead of 1 to 256 times 3", data.size()));
    }
    png_.palette.entries = static_cast<std::uint32_t>(data.size() / 3);
    for (std::size_t i = 0; i < data.size(); ++i) png_.palette.rgb[i] = byte_at(bytes_, data.begin + i);
  }

  void transparency(Range data) {
    if (png_.transparency.size() != 0) bad("stands twice");
    if (!png_.image_data.empty()) bad("stands behind the image data");
    bool fits = false;
    switch (png_.color) {
      case PngColor::grey:
        fits = data.size() == 2;
        break;
      case PngColor::rgb:
        fits = data.size() == 6;
        break;
      case PngColor::palette:
        fits = data.size() >= 1 && data.size() <= png_.palette.entries;
        break;
      case PngColor::grey_alpha:
      case PngColor::rgba:
        break;
    }
    if (!fits) bad(fmt::format("of {} bytes does not fit the picture's colour type or palette", data.size()));
    png_.transparency = {at_, data.end + 4};
  }

  void image_data(Range data) {
    if (image_data_over_) bad("is parted from the IDAT chunks before it");
    if (png_.color == PngColor::palette && png_.palette.entries == 0)
      bad("stands before any PLTE, in a palette picture");
    png_.image_data.push_back(data);
  }

  void end(Range data) {
    if (data.size() != 0) bad("has content");
    if (png_.image_data.empty()) bad("stands before any IDAT: the picture has no pixels");
    png_.end = data.end + 4;
  }

  [[nodiscard]] bool width_known() const { return png_.width != 0; }

  [[noreturn]] void bad(std::string_view what) const {
    throw corrupt(fmt::format("PNG chunk {} at byte {} {}", type_, at_, what));
  }

  Bytes bytes_;
  const Limits& limits_;
  PngStructure png_;
  std::string type_;    // of the current chunk
  std::size_t at_ = 0;  // where it begins
  bool image_data_over_ = false;
};

}  // namespace

std::uint32_t PngStructure::stored_channels() const {
  switch (color) {
    case PngColor::rgb:
      return 3;
    case PngColor::grey_alpha:
      return 2;
    case PngColor::rgba:
      return 4;
    case PngColor::grey:
    case PngColor::palette:
      return 1;
  }
  return 1;
}

std::uint32_t PngStructure::channels() const {
  return color == PngColor::grey || color == PngColor::grey_alpha ? 1 : 3;
}

bool PngStructure::has_alpha() const {
  return color == PngColor::grey_alpha || color == PngColor::rgba || transparency.size() != 0;
}

std::string_view PngStructure::source_mode() const {
  switch (color) {
    case PngColor::grey:
      return "grey";
    case PngColor::rgb:
      return "rgb";
    case PngColor::palette:
      return "palette";
    case PngColor::grey_alpha:
      return "grey+alpha";
    case PngColor::rgba:
      return "rgba";
  }
  return {};
}

PngStructure precheck_png(Bytes bytes, const Limits& limits) { return PngWalk(bytes, limits).run(); }

}  // namespace mediscan::image
