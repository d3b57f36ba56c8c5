#include <doctest/doctest.h>

#include "image/color.hpp"

#include <array>
#include <cmath>

using namespace mediscan::image;

TEST_CASE("inverted CMYK becomes RGB by the formula in the header, for every pair of ink and black") {
  for (int ink = 0; ink < 256; ++ink) {
    for (int black = 0; black < 256; ++black) {
      const std::array<std::uint8_t, 4> stored{static_cast<std::uint8_t>(ink), 0, 255,
                                               static_cast<std::uint8_t>(black)};
      std::array<std::uint8_t, 3> rgb{};
      cmyk_to_rgb(stored.data(), rgb.data(), 1);
      const int c = 255 - ink;
      REQUIRE(rgb[0] == black - std::lround(c * black / 255.0));
      REQUIRE(rgb[1] == 0);      // full magenta leaves no green
      REQUIRE(rgb[2] == black);  // no yellow leaves all that black leaves
    }
  }
}

TEST_CASE("palette indices expand in place") {
  Palette palette;
  palette.entries = 3;
  for (std::size_t i = 0; i < 9; ++i) palette.rgb[i] = static_cast<std::uint8_t>(10 + i);
  std::array<std::uint8_t, 9> pixels{2, 0, 1};
  CHECK(first_without_entry(pixels.data(), palette, 3) == 3);
  expand_palette(pixels.data(), palette, pixels.data(), 3);
  CHECK(pixels == std::array<std::uint8_t, 9>{16, 17, 18, 10, 11, 12, 13, 14, 15});
}

TEST_CASE("the first index without an entry is found") {
  Palette palette;
  palette.entries = 3;
  const std::array<std::uint8_t, 4> indices{0, 2, 3, 200};
  CHECK(first_without_entry(indices.data(), palette, indices.size()) == 2);
}

TEST_CASE("alpha is dropped from 8- and 16-bit samples") {
  const std::array<std::uint8_t, 8> rgba{1, 2, 3, 4, 5, 6, 7, 8};
  std::array<std::uint8_t, 6> rgb{};
  copy_channels(std::as_bytes(std::span(rgba)).data(), 4, std::as_writable_bytes(std::span(rgb)).data(), 3, 1, 2);
  CHECK(rgb == std::array<std::uint8_t, 6>{1, 2, 3, 5, 6, 7});
  const std::array<std::uint16_t, 4> grey_alpha{1000, 1, 2000, 2};
  std::array<std::uint16_t, 2> grey{};
  copy_channels(std::as_bytes(std::span(grey_alpha)).data(), 2, std::as_writable_bytes(std::span(grey)).data(), 1, 2,
                2);
  CHECK(grey == std::array<std::uint16_t, 2>{1000, 2000});
}
