// A decoded picture: pixels plus what is known of where they came from.
#pragma once

#include <mediscan/export.hpp>
#include <mediscan/options.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan {

/// Something a person should know that is no error. `code` is a stable upper-case word, e.g. "EXIF_ORIENTATION".
struct Warning {
  std::string code;
  std::string message;

  friend bool operator==(const Warning&, const Warning&) = default;
};

/// Raw pixels to make an Image of. Rows run top to bottom, channels interleaved, 16-bit samples in native byte order.
struct PixelView {
  const void* data = nullptr;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t channels = 3;  ///< 1 (grey), 3 (RGB) or 4 (RGBA, whose alpha is dropped with the warning ALPHA_DROPPED)
  std::uint32_t bits = 8;  ///< 8 (uint8 samples), or 9 to 16 (uint16 samples of which that many bits are significant)
  std::size_t row_bytes = 0;  ///< distance between rows; 0 means tightly packed
};

/// What is known of an Image besides its pixels.
struct ImageInfo {
  std::string name;  ///< file name without its folder; empty for bytes and pixels
  std::string
      sha256;  ///< of the encoded bytes, or of the tightly packed pixels for from_pixels; 64 lower-case hex digits
  std::string format;        ///< "jpeg", "png" or "pixels"
  std::string decoder;       ///< e.g. "libjpeg-turbo 2.1.5"; empty for pixels
  std::string source_mode;   ///< as stored: "grey", "grey+alpha", "rgb", "rgba", "palette", "ycbcr", "cmyk", "ycck"
  int exif_orientation = 1;  ///< 1 to 8 as stored; 1 when absent
  bool orientation_applied = false;
  double decode_ms = 0;
  std::vector<Warning> warnings;
};

/// An immutable picture of 1 (grey) or 3 (RGB) channels with 8- or 16-bit samples. Copying shares the pixels. Every
/// member may be called from any thread.
class MEDISCAN_API Image {
 public:
  /// Decodes a whole JPEG or PNG file held in memory. Alpha is dropped (warning ALPHA_DROPPED), palettes are expanded,
  /// grey of fewer than 8 bits is scaled to 8, CMYK and YCCK become RGB by Pillow's formula. Throws EMPTY_INPUT,
  /// UNSUPPORTED_FORMAT, CORRUPT_IMAGE, TRUNCATED_IMAGE, LIMIT_EXCEEDED, UNSUPPORTED (decoder not built in) or
  /// OUT_OF_MEMORY. `name`, when given, begins the error messages and stands in the record.
  static Image decode(std::span<const std::byte> bytes, const DecodeOptions& options = {}, std::string_view name = {});

  /// Reads and decodes a file; as decode, and IO_ERROR (missing, a folder, no permission, read failure).
  static Image read(const std::filesystem::path& path, const DecodeOptions& options = {});

  /// Copies pixels. Throws INVALID_ARGUMENT for a null pointer, impossible sizes, or samples beyond `bits`;
  /// LIMIT_EXCEEDED beyond `limits`.
  static Image from_pixels(const PixelView& pixels, std::string_view name = {}, const Limits& limits = {});

  [[nodiscard]] std::uint32_t width() const noexcept;
  [[nodiscard]] std::uint32_t height() const noexcept;
  [[nodiscard]] std::uint32_t channels() const noexcept;          ///< 1 or 3
  [[nodiscard]] std::uint32_t bits() const noexcept;              ///< significant bits a sample: 8, or 9 to 16
  [[nodiscard]] std::uint32_t bytes_per_sample() const noexcept;  ///< 1 for 8 bits, else 2
  [[nodiscard]] std::uint32_t max_value() const noexcept { return (1U << bits()) - 1U; }
  [[nodiscard]] std::size_t row_bytes()
      const noexcept;  ///< width x channels x bytes_per_sample: rows are tightly packed
  [[nodiscard]] std::span<const std::byte> pixels() const noexcept;
  [[nodiscard]] const ImageInfo& info() const noexcept;

  struct Data;  ///< internal
  explicit Image(std::shared_ptr<const Data> data) noexcept : data_(std::move(data)) {}

 private:
  std::shared_ptr<const Data> data_;
};

/// The bytes of a file, undecoded: for an analysis, which need not decode all of a picture (EncodedPicture in
/// analyzer.hpp). Throws IO_ERROR as Image::read, LIMIT_EXCEEDED beyond max_file_bytes, OUT_OF_MEMORY.
MEDISCAN_API std::vector<std::byte> read_encoded(const std::filesystem::path& path, const Limits& limits = {});

}  // namespace mediscan
