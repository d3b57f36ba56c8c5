// Every kind of picture, cut at every 1/200th of its length and with single bytes flipped, through every decoder. What
// must hold: no crash (run it under AddressSanitizer and UndefinedBehaviorSanitizer), every cut is an error, every flip
// in a PNG is an error.
#include <doctest/doctest.h>

#include "pictures.hpp"

#include "image/excerpt.hpp"

#include <mediscan/error.hpp>

#include <cstdio>
#include <optional>
#include <set>

using namespace mediscan;
using namespace mediscan::test;

namespace {

// Untrusted input in small bounds: a flipped size must not make a sweep of thousands of decodes slow.
DecodeOptions swept(Decoder decoder) {
  DecodeOptions options{.decoder = decoder};
  options.limits.max_pixels = 1'000'000;
  options.limits.max_decoded_bytes = 16U << 20U;
  return options;
}

/// The code of the error, or none when it decodes. Anything that is not a mediscan::Error ends the test.
std::optional<ErrorCode> outcome(std::span<const std::byte> bytes, Decoder decoder) {
  // A copy of exactly that size: a read beyond it is one that AddressSanitizer sees.
  const ByteVector copy(bytes.begin(), bytes.end());
  try {
    Image::decode(copy, swept(decoder));
    return std::nullopt;
  } catch (const Error& error) {
    return error.code();
  }
}

#ifdef MEDISCAN_WITH_TURBO
/// The same decoded at 1/8 of the size, and of that only a part where it can be had.
std::optional<ErrorCode> fast_outcome(std::span<const std::byte> bytes) {
  const ByteVector copy(bytes.begin(), bytes.end());
  DecodeOptions options = swept(Decoder::turbo);
  options.fast_decode = true;
  const image::Need need{[](const image::Sides&, std::uint32_t) {
                           return std::optional(image::Window{1, 1, 1, 1});
                         },
                         [](const image::Sides&) {
                           return std::optional(image::Sides{1, 1});
                         }};
  try {
    image::decode_excerpt(copy, options, {}, need, 2);
    return std::nullopt;
  } catch (const Error& error) {
    return error.code();
  }
}
#endif

/// Offsets at every 1/200th, none twice.
std::set<std::size_t> offsets(std::size_t size) {
  std::set<std::size_t> all;
  for (std::size_t i = 0; i < 200; ++i) all.insert(size * i / 200);
  return all;
}

/// Just behind the end marker (JPEG) or IEND (PNG), known from how the two pictures with trailing bytes are made.
std::size_t end_of_picture(const Picture& picture) {
  if (picture.name == "trailing.jpg") return picture.bytes.size() - 24;
  if (picture.name == "trailing.png") return picture.bytes.size() - 8;
  return picture.bytes.size();
}

bool is_cut_error(ErrorCode code) {
  return code == ErrorCode::truncated_image || code == ErrorCode::corrupt_image ||
         code == ErrorCode::unsupported_format || code == ErrorCode::empty_input;
}

// Those whose size would make the sweep slow under sanitizers, and add no kind.
bool too_large_to_sweep(const Picture& picture) { return picture.bytes.size() > 12'000; }

}  // namespace

TEST_CASE("every picture cut short is an error, with every decoder") {
  int swept_pictures = 0;
  int cuts = 0;
  for (const auto& picture : pictures()) {
    if (too_large_to_sweep(picture)) continue;
    ++swept_pictures;
    for (const auto decoder : decoders()) {
      for (const std::size_t at : offsets(end_of_picture(picture))) {
        const auto code = outcome(std::span(picture.bytes).first(at), decoder);
        ++cuts;
        INFO(picture.name, " cut at byte ", at, " by ", std::string(test::name_of(decoder)));
        REQUIRE(code.has_value());
        REQUIRE(is_cut_error(*code));
      }
      // Behind the end marker a cut takes nothing from the picture.
      for (std::size_t at = end_of_picture(picture); at <= picture.bytes.size(); ++at) {
        REQUIRE_FALSE(outcome(std::span(picture.bytes).first(at), decoder).has_value());
      }
    }
  }
  std::printf("sweep: %d pictures, %d cuts, every one an error\n", swept_pictures, cuts);
  CHECK(swept_pictures >= 20);
}

TEST_CASE("every flipped byte of a PNG is an error, with every decoder") {
  int flips = 0;
  for (const auto& picture : pictures()) {
    if (!picture.name.ends_with(".png") || too_large_to_sweep(picture)) continue;
    for (const auto decoder : decoders()) {
      for (const std::size_t at : offsets(end_of_picture(picture))) {
        auto bytes = picture.bytes;
        bytes[at] ^= std::byte{0xff};
        INFO(picture.name, " flipped at byte ", at, " by ", std::string(test::name_of(decoder)));
        REQUIRE(outcome(bytes, decoder).has_value());
        ++flips;
      }
    }
  }
  std::printf("sweep: %d flips in PNG pictures, every one an error\n", flips);
  CHECK(flips >= 4000);
}

TEST_CASE("no flipped byte of a JPEG crashes, with any decoder") {
  int flips = 0;
  int errors = 0;
  for (const auto& picture : pictures()) {
    if (!picture.name.ends_with(".jpg") || too_large_to_sweep(picture)) continue;
    for (const auto decoder : decoders()) {
      for (const std::size_t at : offsets(picture.bytes.size())) {
        for (const auto mask : {std::byte{0xff}, std::byte{0x01}}) {
          auto bytes = picture.bytes;
          bytes[at] ^= mask;
          errors += outcome(bytes, decoder).has_value() ? 1 : 0;
          ++flips;
        }
      }
    }
  }
  // A JPEG has no checksums: a flip inside coded pixels may decode to other pixels. That it happens is why no number is
  // asserted.
  std::printf("sweep: %d flips in JPEG pictures, %d of them errors, none a crash\n", flips, errors);
  CHECK(errors > 0);
}

#ifdef MEDISCAN_WITH_TURBO
TEST_CASE("a JPEG cut or flipped anywhere is the same error decoded smaller as in full size, or none") {
  int compared = 0;
  for (const auto& picture : pictures()) {
    if (!picture.name.ends_with(".jpg") || too_large_to_sweep(picture)) continue;
    for (const std::size_t at : offsets(picture.bytes.size())) {
      INFO(picture.name, " at byte ", at);
      const auto cut = std::span(picture.bytes).first(at);
      REQUIRE(fast_outcome(cut) == outcome(cut, Decoder::turbo));
      for (const auto mask : {std::byte{0xff}, std::byte{0x01}}) {
        auto bytes = picture.bytes;
        bytes[at] ^= mask;
        REQUIRE(fast_outcome(bytes) == outcome(bytes, Decoder::turbo));
        ++compared;
      }
    }
  }
  CHECK(compared >= 8000);
}
#endif
