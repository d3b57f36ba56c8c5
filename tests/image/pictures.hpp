// The pictures that tools/make_test_pictures.py has made, with the pixels Pillow says they have; and building blocks of
// damaged ones.
#pragma once

#include <mediscan/image.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan::test {

using ByteVector = std::vector<std::byte>;

struct Picture {
  std::string name;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t channels = 0;
  std::uint32_t bits = 0;
  std::string mode;
  ByteVector bytes;     ///< the file
  ByteVector expected;  ///< its samples, 16-bit ones little-endian
};

/// All of them, read once.
const std::vector<Picture>& pictures();
const Picture& picture(std::string_view name);

/// The largest difference of a sample from what is expected, in all columns but the last `columns_left_out`; 65536 when
/// the shapes differ.
std::uint32_t largest_difference(const Image& image, const Picture& picture, std::uint32_t columns_left_out = 0);

/// A file of the pictures' folder, e.g. "bad/huge.png".
std::string path_of(std::string_view name);
ByteVector bytes_of_file(std::string_view name);

ByteVector bytes_of(std::string_view text);
ByteVector bytes_of(std::initializer_list<int> values);

/// One PNG chunk with its right checksum (zlib's).
ByteVector png_chunk(std::string_view type, const ByteVector& data);
/// Signature, IHDR of these values, `chunks`.
ByteVector png_of(std::uint32_t width, std::uint32_t height, int depth, int color,
                  const std::vector<ByteVector>& chunks);
ByteVector deflated(const ByteVector& data);
ByteVector operator+(ByteVector a, const ByteVector& b);

/// Where the first `marker` segment of a JPEG begins; fails the test when there is none.
std::size_t segment_of(const ByteVector& jpeg, int marker);

/// Decoders of this build that a test runs over.
std::vector<Decoder> decoders();
std::string_view name_of(Decoder decoder);

}  // namespace mediscan::test
