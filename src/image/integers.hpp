// Reading the fixed-width integers of file formats. Callers check bounds first; nothing here does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mediscan::image {

using Bytes = std::span<const std::byte>;

inline std::uint8_t byte_at(Bytes bytes, std::size_t at) { return std::to_integer<std::uint8_t>(bytes[at]); }

inline std::uint32_t big_endian_16(Bytes bytes, std::size_t at) {
  return (std::uint32_t{byte_at(bytes, at)} << 8U) | byte_at(bytes, at + 1);
}

inline std::uint32_t big_endian_32(Bytes bytes, std::size_t at) {
  return (big_endian_16(bytes, at) << 16U) | big_endian_16(bytes, at + 2);
}

inline std::uint32_t little_endian_16(Bytes bytes, std::size_t at) {
  return (std::uint32_t{byte_at(bytes, at + 1)} << 8U) | byte_at(bytes, at);
}

inline std::uint32_t little_endian_32(Bytes bytes, std::size_t at) {
  return (little_endian_16(bytes, at + 2) << 16U) | little_endian_16(bytes, at);
}

}  // namespace mediscan::image
