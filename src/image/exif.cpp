#include "image/exif.hpp"

namespace mediscan::image {
namespace {

constexpr std::uint32_t tag_orientation = 0x0112;
constexpr std::uint32_t type_short = 3;
constexpr std::size_t entry_bytes = 12;

}  // namespace

int exif_orientation(Bytes tiff) noexcept {
  if (tiff.size() < 8) return 1;
  const bool little = byte_at(tiff, 0) == 'I' && byte_at(tiff, 1) == 'I';
  const bool big = byte_at(tiff, 0) == 'M' && byte_at(tiff, 1) == 'M';
  if (!little && !big) return 1;
  const auto u16 = [&](std::size_t at) { return little ? little_endian_16(tiff, at) : big_endian_16(tiff, at); };
  const auto u32 = [&](std::size_t at) { return little ? little_endian_32(tiff, at) : big_endian_32(tiff, at); };
  if (u16(2) != 42) return 1;

  const std::size_t directory = u32(4);
  if (directory > tiff.size() - 2) return 1;
  const std::size_t entries = u16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * entry_bytes;
    if (entry + entry_bytes > tiff.size()) return 1;
    if (u16(entry) != tag_orientation) continue;
    const std::uint32_t value = u16(entry + 8);
    return u16(entry + 2) == type_short && u32(entry + 4) == 1 && value >= 1 && value <= 8 ? static_cast<int>(value)
                                                                                           : 1;
  }
  return 1;
}

}  // namespace mediscan::image
