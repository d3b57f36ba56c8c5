// Structure of a JPEG (ITU-T T.81): every marker segment, and the markers inside the scans. Entropy decoding is for the
// decoders.
#include "image/exif.hpp"
#include "image/failure.hpp"
#include "image/limits.hpp"
#include "image/precheck.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace mediscan::image {
namespace {

namespace marker {
constexpr std::uint32_t tem = 0x01, sof0 = 0xc0, sof2 = 0xc2, dht = 0xc4, rst0 = 0xd0, rst7 = 0xd7, soi = 0xd8,
                        eoi = 0xd9, sos = 0xda, dqt = 0xdb, dri = 0xdd, dhp = 0xde, exp = 0xdf, app0 = 0xe0,
                        app1 = 0xe1, app14 = 0xee, app15 = 0xef, sof55 = 0xf7, com = 0xfe;
}  // namespace marker

std::string_view unsupported_process(std::uint32_t code) {
  switch (code) {
    case 0xc3:
      return "a lossless JPEG";
    case 0xc5:
    case 0xc6:
    case 0xc7:
    case marker::dhp:
    case marker::exp:
      return "a hierarchical JPEG";
    case 0xc9:
    case 0xca:
    case 0xcb:
    case 0xcd:
    case 0xce:
    case 0xcf:
      return "a JPEG with arithmetic coding";
    case marker::sof55:
      return "a JPEG-LS picture";
    default:
      return {};
  }
}

constexpr std::uint32_t divided_up(std::uint32_t a, std::uint32_t b) { return (a + b - 1) / b; }

/// Walks the markers once and gathers what they say.
class JpegWalk {
 public:
  JpegWalk(Bytes bytes, const Limits& limits) : bytes_(bytes), limits_(limits) {}

  JpegStructure run() {
    std::size_t at = 2;  // behind the start marker, which is what made this a JPEG
    while (jpeg_.end == 0) at = segment(at);
    return std::move(jpeg_);
  }

 private:
  /// One marker and what belongs to it; returns where the next must begin.
  std::size_t segment(std::size_t at) {
    at_ = at;
    need(at, 2);
    if (byte_at(bytes_, at) != 0xff)
      throw corrupt(fmt::format("JPEG has a stray byte at {} where a marker must be", at));
    while (byte_at(bytes_, at + 1) == 0xff) need(++at, 2);  // fill bytes
    const std::uint32_t code = byte_at(bytes_, at + 1);
    if (code == marker::eoi) {
      end();
      return jpeg_.end = at + 2;
    }
    if (code == marker::tem) return at + 2;
    if (code == 0 || code == marker::soi || (code >= marker::rst0 && code <= marker::rst7))
      bad(code, "stands where it cannot");

    need(at, 4);
    const std::size_t length = big_endian_16(bytes_, at + 2);
    if (length < 2) bad(code, "has an impossible length");
    need(at + 2, length);
    const Range content{at + 4, at + 2 + length};
    visit(code, content);
    if (code != marker::sos) return content.end;
    return skip_scan(content.end);
  }

  void visit(std::uint32_t code, Range content) {
    if (code >= marker::sof0 && code <= marker::sof2) return frame(code, content);
    if (const auto name = unsupported_process(code); !name.empty())
      throw unsupported_format(fmt::format("this is {}", name));
    if (code == marker::dqt) return quantisation(content);
    if (code == marker::dht) return huffman(content);
    if (code == marker::dri) {
      if (content.size() != 2) bad(code, "has an impossible length");
      restart_interval_ = big_endian_16(bytes_, content.begin);
    } else if (code == marker::sos) {
      scan(content);
    } else if ((code >= marker::app0 && code <= marker::app15) || code == marker::com) {
      jpeg_.application_segments.push_back({content.begin - 4, content.end});
      application(code, bytes_.subspan(content.begin, content.size()));
    }
  }

  void application(std::uint32_t code, Bytes content) {
    const auto begins_with = [&](std::string_view tag) {
      return content.size() >= tag.size() && std::memcmp(content.data(), tag.data(), tag.size()) == 0;
    };
    if (code == marker::app0 && content.size() >= 14 && begins_with({"JFIF\0", 5})) jfif_ = true;
    if (code == marker::app14 && content.size() >= 12 && begins_with("Adobe")) adobe_transform_ = byte_at(content, 11);
    if (code == marker::app1 && !exif_seen_ && begins_with({"Exif\0\0", 6})) {
      exif_seen_ = true;
      jpeg_.exif_orientation = exif_orientation(content.subspan(6));
    }
  }

  void frame(std::uint32_t code, Range content) {
    if (jpeg_.component_count != 0) bad(code, "is a second frame header");
    if (content.size() < 6) bad(code, "has an impossible length");
    const std::uint32_t precision = byte_at(bytes_, content.begin);
    jpeg_.height = big_endian_16(bytes_, content.begin + 1);
    jpeg_.width = big_endian_16(bytes_, content.begin + 3);
    const std::uint32_t count = byte_at(bytes_, content.begin + 5);
    if (precision != 8)
      throw unsupported_format(fmt::format("this is a JPEG of {} bits a sample; 8 can be read", precision));
    if (count != 1 && count != 3 && count != 4) {
      throw unsupported_format(fmt::format("this is a JPEG of {} components; 1, 3 and 4 can be read", count));
    }
    if (jpeg_.width == 0) bad(code, "says a width of 0");
    if (jpeg_.height == 0) throw unsupported_format("this is a JPEG that tells its height only after the first scan");
    if (content.size() != 6 + std::size_t{3} * count) bad(code, "has a length that does not fit its components");
    jpeg_.component_count = count;
    jpeg_.progressive = code == marker::sof2;
    for (std::uint32_t i = 0; i < count; ++i) component(i, content.begin + 6 + std::size_t{3} * i);
    check_sampling();
    check_size(jpeg_.width, jpeg_.height, jpeg_.channels(), limits_);
  }

  void component(std::uint32_t index, std::size_t at) {
    auto& component = jpeg_.components[index];
    component.id = byte_at(bytes_, at);
    component.horizontal = byte_at(bytes_, at + 1) >> 4U;
    component.vertical = byte_at(bytes_, at + 1) & 15U;
    component.quantisation = byte_at(bytes_, at + 2);
    for (std::uint32_t i = 0; i < index; ++i) {
      if (jpeg_.components[i].id == component.id)
        throw corrupt(fmt::format("JPEG names two components {} at byte {}", component.id, at));
    }
    if (component.horizontal < 1 || component.horizontal > 4 || component.vertical < 1 || component.vertical > 4) {
      throw corrupt(fmt::format("JPEG has impossible sampling factors {} x {} at byte {}", component.horizontal,
                                component.vertical, at + 1));
    }
    if (component.quantisation > 3)
      throw corrupt(fmt::format("JPEG names quantisation table {} at byte {}", component.quantisation, at + 2));
    largest_horizontal_ = std::max(largest_horizontal_, component.horizontal);
    largest_vertical_ = std::max(largest_vertical_, component.vertical);
  }

  void check_sampling() const {
    for (std::uint32_t i = 0; i < jpeg_.component_count; ++i) {
      const auto& component = jpeg_.components[i];
      if (largest_horizontal_ % component.horizontal != 0 || largest_vertical_ % component.vertical != 0) {
        throw unsupported_format("this is a JPEG whose components are sampled in fractional ratios");
      }
    }
  }

  void quantisation(Range content) {
    std::size_t at = content.begin;
    while (at < content.end) {
      const std::uint32_t bytes_a_value = (byte_at(bytes_, at) >> 4U) + 1U;
      const std::uint32_t table = byte_at(bytes_, at) & 15U;
      if (bytes_a_value > 2 || table > 3) bad(marker::dqt, "names a table that does not exist");
      quantisation_defined_[table] = true;
      at += 1 + std::size_t{64} * bytes_a_value;
    }
    if (at != content.end) bad(marker::dqt, "has a length that does not fit its tables");
  }

  void huffman(Range content) {
    std::size_t at = content.begin;
    while (at < content.end) {
      if (content.end - at < 17) bad(marker::dht, "has a length that does not fit its tables");
      const std::uint32_t kind = byte_at(bytes_, at) >> 4U;
      const std::uint32_t table = byte_at(bytes_, at) & 15U;
      if (kind > 1 || table > 3) bad(marker::dht, "names a table that does not exist");
      std::uint32_t values = 0;
      for (std::size_t i = 1; i <= 16; ++i) values += byte_at(bytes_, at + i);
      if (values > 256) bad(marker::dht, "has more than 256 codes in a table");
      huffman_defined_[kind][table] = true;
      at += 17 + std::size_t{values};
    }
    if (at != content.end) bad(marker::dht, "has a length that does not fit its tables");
  }

  void scan(Range content) {
    if (jpeg_.component_count == 0) bad(marker::sos, "stands before any frame header");
    if (++jpeg_.scans > max_jpeg_scans) {
      throw corrupt(
          fmt::format("JPEG has more than {} scans, the latest at byte {} (made to be slow?)", max_jpeg_scans, at_));
    }
    const std::uint32_t count = content.size() == 0 ? 0 : byte_at(bytes_, content.begin);
    if (count < 1 || count > jpeg_.component_count || content.size() != 4 + std::size_t{2} * count) {
      bad(marker::sos, "has a length that does not fit its components");
    }
    if (jpeg_.scans == 1) settle_color();
    const std::size_t parameters = content.begin + 1 + std::size_t{2} * count;
    const std::uint32_t first = byte_at(bytes_, parameters);
    const std::uint32_t last = byte_at(bytes_, parameters + 1);
    const bool refines = (byte_at(bytes_, parameters + 2) >> 4U) != 0;
    if (first > 63 || last > 63 || first > last) bad(marker::sos, "names coefficients that do not exist");
    if (jpeg_.progressive && (first == 0 ? last != 0 : count != 1))
      bad(marker::sos, "mixes coefficients as no progressive scan may");
    if (!jpeg_.progressive && (first != 0 || last != 63 || refines))
      bad(marker::sos, "is progressive in a sequential picture");
    const bool needs_dc = first == 0 && !refines;
    const bool needs_ac = last != 0;
    for (std::uint32_t i = 0; i < count; ++i)
      scan_component(content.begin + 1 + std::size_t{2} * i, needs_dc, needs_ac);
    units_ = units_of_scan(content, count);
  }

  void scan_component(std::size_t at, bool needs_dc, bool needs_ac) {
    const std::uint32_t index = index_of(byte_at(bytes_, at));
    const std::uint32_t dc = byte_at(bytes_, at + 1) >> 4U;
    const std::uint32_t ac = byte_at(bytes_, at + 1) & 15U;
    if (dc > 3 || ac > 3) bad(marker::sos, "names a Huffman table that does not exist");
    if ((needs_dc && !huffman_defined_[0][dc]) || (needs_ac && !huffman_defined_[1][ac])) {
      bad(marker::sos, "uses a Huffman table that nothing before it defines (a motion-JPEG frame?)");
    }
    if (!quantisation_defined_[jpeg_.components[index].quantisation]) {
      bad(marker::sos, "uses a quantisation table that nothing before it defines");
    }
    if (needs_dc) covered_[index] = true;
  }

  std::uint32_t index_of(std::uint32_t id) const {
    for (std::uint32_t i = 0; i < jpeg_.component_count; ++i) {
      if (jpeg_.components[i].id == id) return i;
    }
    bad(marker::sos, "names a component that does not exist");
  }

  /// Minimum coded units of a scan, which restart markers count (T.81, A.2).
  [[nodiscard]] std::uint64_t units_of_scan(Range content, std::uint32_t count) const {
    std::uint32_t across = divided_up(jpeg_.width, 8 * largest_horizontal_);
    std::uint32_t down = divided_up(jpeg_.height, 8 * largest_vertical_);
    if (count == 1) {
      const auto& only = jpeg_.components[index_of(byte_at(bytes_, content.begin + 1))];
      across = divided_up(divided_up(jpeg_.width * only.horizontal, largest_horizontal_), 8);
      down = divided_up(divided_up(jpeg_.height * only.vertical, largest_vertical_), 8);
    }
    return std::uint64_t{across} * down;
  }

  /// Finds the marker that ends a scan's coded bytes, and counts the restart markers among them.
  std::size_t skip_scan(std::size_t at) {
    const std::uint64_t expected = restart_interval_ == 0 ? 0 : (units_ - 1) / restart_interval_;
    std::uint64_t restarts = 0;
    for (;;) {
      const void* hit = std::memchr(bytes_.data() + at, 0xff, bytes_.size() - at);
      if (hit == nullptr) throw_truncated();
      at = static_cast<std::size_t>(static_cast<const std::byte*>(hit) - bytes_.data());
      std::size_t behind = at + 1;
      while (behind < bytes_.size() && byte_at(bytes_, behind) == 0xff) ++behind;
      if (behind == bytes_.size()) throw_truncated();
      const std::uint32_t code = byte_at(bytes_, behind);
      if (code >= marker::rst0 && code <= marker::rst7) {
        // One more than needed, at the very end, is what some encoders write.
        if (code - marker::rst0 != restarts % 8 || restarts > expected || restart_interval_ == 0) {
          throw corrupt(
              fmt::format("JPEG has an unexpected restart marker at byte {} (pixels are missing before it)", at));
        }
        ++restarts;
      } else if (code != 0) {
        break;
      }
      at = behind + 1;
    }
    if (restarts < expected) {
      throw corrupt(fmt::format("JPEG scan that begins at byte {} ends at byte {} after {} of {} restart markers", at_,
                                at, restarts, expected));
    }
    return at;
  }

  /// libjpeg's rules (default_decompress_parms): JFIF means YCbCr, then Adobe's marker decides, then the components'
  /// names.
  void settle_color() {
    if (jpeg_.component_count == 1) {
      jpeg_.color = JpegColor::grey;
    } else if (jpeg_.component_count == 4) {
      if (adobe_transform_ != none && adobe_transform_ != 0 && adobe_transform_ != 2) unknown_transform();
      jpeg_.color = adobe_transform_ == 2 ? JpegColor::ycck : JpegColor::cmyk;
    } else if (jfif_) {
      jpeg_.color = JpegColor::ycbcr;
    } else if (adobe_transform_ != none) {
      if (adobe_transform_ > 1) unknown_transform();
      jpeg_.color = adobe_transform_ == 0 ? JpegColor::rgb : JpegColor::ycbcr;
    } else {
      const auto& c = jpeg_.components;
      jpeg_.color = c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B' ? JpegColor::rgb : JpegColor::ycbcr;
    }
  }

  void end() const {
    if (jpeg_.component_count == 0) throw corrupt(fmt::format("JPEG ends at byte {} without a frame header", at_));
    if (jpeg_.scans == 0)
      throw corrupt(fmt::format("JPEG ends at byte {} without a scan: the picture has no pixels", at_));
    for (std::uint32_t i = 0; i < jpeg_.component_count; ++i) {
      if (!covered_[i])
        throw corrupt(fmt::format("JPEG ends at byte {} without a scan of component {}", at_, jpeg_.components[i].id));
    }
  }

  void need(std::size_t at, std::size_t count) const {
    if (at > bytes_.size() || bytes_.size() - at < count) throw_truncated();
  }

  [[noreturn]] void throw_truncated() const {
    throw truncated(fmt::format("JPEG ends at byte {} before its end marker (truncated upload?)", bytes_.size()));
  }

  [[noreturn]] void unknown_transform() const {
    throw corrupt(
        fmt::format("JPEG's Adobe marker names the colour transform {}, which does not exist", adobe_transform_));
  }

  [[noreturn]] void bad(std::uint32_t code, std::string_view what) const {
    throw corrupt(fmt::format("JPEG marker 0x{:02x} at byte {} {}", code, at_, what));
  }

  static constexpr std::uint32_t none = 0xffff;

  Bytes bytes_;
  const Limits& limits_;
  JpegStructure jpeg_;
  std::size_t at_ = 0;  // where the current marker begins
  std::uint32_t largest_horizontal_ = 1;
  std::uint32_t largest_vertical_ = 1;
  std::uint32_t restart_interval_ = 0;
  std::uint64_t units_ = 0;
  std::uint32_t adobe_transform_ = none;
  bool jfif_ = false;
  bool exif_seen_ = false;
  std::array<bool, 4> covered_{};
  std::array<bool, 4> quantisation_defined_{};
  std::array<std::array<bool, 4>, 2> huffman_defined_{};
};

}  // namespace

std::string_view JpegStructure::source_mode() const {
  switch (color) {
    case JpegColor::grey:
      return "grey";
    case JpegColor::ycbcr:
      return "ycbcr";
    case JpegColor::rgb:
      return "rgb";
    case JpegColor::cmyk:
      return "cmyk";
    case JpegColor::ycck:
      return "ycck";
  }
  return {};
}

JpegStructure precheck_jpeg(Bytes bytes, const Limits& limits) { return JpegWalk(bytes, limits).run(); }

}  // namespace mediscan::image
