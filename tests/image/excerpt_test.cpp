// A part of a picture must be that part of the whole decode, pixel for pixel, and a damaged file must be the same error
// on both ways. Run under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer, too.
#include "image/excerpt.hpp"

#include <doctest/doctest.h>

#include "errors.hpp"
#include "generated_jpeg.hpp"
#include "pictures.hpp"

#include "image/image_data.hpp"
#include "image/jpeg_part.hpp"
#include "image/orientation.hpp"

#include <mediscan/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <random>

using namespace mediscan;
using namespace mediscan::test;

#ifdef MEDISCAN_WITH_TURBO

namespace {

using image::Excerpt;
using image::Sides;
using image::Window;

Excerpt excerpt_of(std::span<const std::byte> bytes, const Window& window, int threads = 1,
                   const DecodeOptions& options = {}) {
  const auto wanted = [&](const Sides&, std::uint32_t) { return std::optional(window); };
  return image::decode_excerpt(bytes, options, "part.jpg", {wanted, {}}, threads);
}

/// Decoded with fast_decode, when `enough` is enough.
Excerpt fast_excerpt(std::span<const std::byte> bytes, const std::optional<Window>& window, const Sides& enough,
                     DecodeOptions options = {}) {
  options.fast_decode = true;
  const image::Need need{[&](const Sides&, std::uint32_t) { return window; },
                         [&](const Sides&) { return std::optional(enough); }};
  return image::decode_excerpt(bytes, options, "part.jpg", need, 2);
}

/// What is enough so that sides are divided by just this.
Sides enough_for(std::uint32_t width, std::uint32_t height, std::uint32_t divisor) {
  return {width / divisor, height / divisor};
}

bool is_whole(const Excerpt& excerpt) {
  const auto [width, height] = image::reduced(Sides{excerpt.width, excerpt.height}, excerpt.divisor);
  return excerpt.window == Window{0, 0, width, height};
}

/// Pixels of the window that are not the whole picture's, which has the excerpt's reduced size.
std::size_t differences(const Excerpt& excerpt, const Image& whole, const Window& window) {
  const auto [width, height] = image::reduced(Sides{excerpt.width, excerpt.height}, excerpt.divisor);
  if (width != whole.width() || height != whole.height()) return SIZE_MAX;
  if (!excerpt.window.contains(window) || excerpt.stored.channels() != whole.channels()) return SIZE_MAX;
  const std::size_t channels = whole.channels();
  std::size_t different = 0;
  for (std::uint32_t y = window.y; y < window.bottom(); ++y) {
    const std::byte* expected = whole.pixels().data() + y * whole.row_bytes() + window.x * channels;
    const std::byte* got = excerpt.stored.pixels().data() +
                           std::size_t{y - excerpt.window.y} * excerpt.stored.row_bytes() +
                           (window.x - excerpt.window.x) * channels;
    for (std::size_t x = 0; x < window.width; ++x)
      different += std::memcmp(got + x * channels, expected + x * channels, channels) != 0 ? 1 : 0;
  }
  return different;
}

std::string described(const char* sampling, std::uint32_t width, std::uint32_t height, unsigned restart,
                      const Window& window) {
  return fmt::format("{} {} x {}, restart interval {}, window {} x {} at ({}, {})", sampling, width, height, restart,
                     window.width, window.height, window.x, window.y);
}

/// Windows of all places: the corners' pixels, one column, one row, all of it, and random ones.
std::vector<Window> windows_of(std::uint32_t width, std::uint32_t height, int random_ones, std::minstd_rand& random) {
  std::vector<Window> all{{0, 0, 1, 1},
                          {width - 1, height - 1, 1, 1},
                          {width - 1, 0, 1, height},
                          {0, height - 1, width, 1},
                          {width / 2, 0, 1, height},
                          {0, height / 2, width, 1},
                          {0, 0, width, height}};
  for (int i = 0; i < random_ones; ++i) {
    const std::uint32_t x = static_cast<std::uint32_t>(random()) % width;
    const std::uint32_t y = static_cast<std::uint32_t>(random()) % height;
    all.push_back({x, y, 1 + static_cast<std::uint32_t>(random()) % (width - x),
                   1 + static_cast<std::uint32_t>(random()) % (height - y)});
  }
  return all;
}

JpegRecipe recipe_of(const Sampling& sampling, std::uint32_t width, std::uint32_t height, unsigned restart = 0) {
  return {.width = width,
          .height = height,
          .grey = sampling.grey,
          .horizontal = sampling.horizontal,
          .vertical = sampling.vertical,
          .restart_interval = restart,
          .seed = width + height};
}

struct Failure {
  ErrorCode code{};
  std::string message;
  friend bool operator==(const Failure&, const Failure&) = default;
};

template <class Decode>
std::optional<Failure> failure_of(Decode&& decode) {
  try {
    decode();
    return std::nullopt;
  } catch (const Error& error) {
    return Failure{error.code(), std::string(error.message())};
  }
}

/// Whether two threads really share the decoding of this window.
bool is_shared(const ByteVector& file, const Window& window) {
  const auto jpeg = image::precheck_jpeg(file, {});
  const Window part = image::with_margin(window, jpeg);
  return std::uint64_t{part.width} * part.height >= image::min_pixels_for_two &&
         image::share_rows(part, jpeg).saved_fraction >= image::least_saved_by_two;
}

/// Cuts with an end marker put behind, flips, and bytes that look like markers, at every 1/`parts` of the file.
std::vector<ByteVector> damaged(const ByteVector& file, std::size_t parts) {
  std::vector<ByteVector> all;
  for (std::size_t i = 1; i < parts; ++i) {
    const std::size_t at = file.size() * i / parts;
    all.emplace_back(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(at));
    all.push_back(all.back() + bytes_of({0xff, 0xd9}));
    for (const int value : {0xff, 0x01}) {
      all.push_back(file);
      all.back()[at] ^= static_cast<std::byte>(value);
    }
    all.push_back(file);
    all.back()[at] = std::byte{0xff};
    if (at + 1 < file.size()) all.back()[at + 1] = std::byte{0xd3};
  }
  return all;
}

void check_damage(const ByteVector& file, const Window& window, int threads, std::size_t parts, int& errors) {
  for (const auto& bytes : damaged(file, parts)) {
    const auto whole = failure_of([&] { Image::decode(bytes, {}, "part.jpg"); });
    const auto part = failure_of([&] { excerpt_of(bytes, window, threads); });
    errors += whole ? 1 : 0;
    REQUIRE(part.has_value() == whole.has_value());
    if (whole) REQUIRE(part->message == whole->message);
    if (whole) REQUIRE(part->code == whole->code);
  }
}

}  // namespace

TEST_CASE("a part of a JPEG is that part of the whole, for every sampling, size and place") {
  std::minstd_rand random(20);
  int parts = 0;
  int cut = 0;
  const std::vector<std::uint32_t> sides{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 47, 64, 97, 130};
  for (const auto& sampling : samplings()) {
    for (const auto width : sides) {
      for (const auto height : sides) {
        const unsigned restart = static_cast<unsigned>(random()) % 3;
        const auto file = generated_jpeg(recipe_of(sampling, width, height, restart));
        const auto whole = Image::decode(file);
        for (const auto& window : windows_of(width, height, 6, random)) {
          INFO(described(sampling.name, width, height, restart, window));
          const auto part = excerpt_of(file, window);
          REQUIRE(differences(part, whole, window) == 0);
          cut += is_whole(part) ? 0 : 1;
          ++parts;
        }
      }
    }
  }
  CHECK(parts >= 17'000);
  CHECK(cut >= parts / 3);  // the rest touch every coded unit
}

TEST_CASE("a part of a larger JPEG is that part of the whole, where many rows and columns are left out") {
  std::minstd_rand random(21);
  for (const auto& sampling : samplings()) {
    for (const unsigned restart : {0U, 1U, 40U}) {
      const std::uint32_t width = 500 + static_cast<std::uint32_t>(random()) % 200;
      const std::uint32_t height = 400 + static_cast<std::uint32_t>(random()) % 200;
      const auto file = generated_jpeg(recipe_of(sampling, width, height, restart));
      const auto whole = Image::decode(file);
      for (const auto& window : windows_of(width, height, 40, random)) {
        INFO(described(sampling.name, width, height, restart, window));
        REQUIRE(differences(excerpt_of(file, window), whole, window) == 0);
      }
    }
  }
}

TEST_CASE("two threads give the pixels of one") {
  std::minstd_rand random(22);
  for (const auto& sampling : samplings()) {
    const std::uint32_t width = 2100 + static_cast<std::uint32_t>(random()) % 100;
    const std::uint32_t height = 1600 + static_cast<std::uint32_t>(random()) % 100;
    // Coarse, so that sharing pays: where most of the time goes into reading coded bytes one thread does it all.
    auto recipe = recipe_of(sampling, width, height, static_cast<unsigned>(random()) % 50);
    recipe.quality = 20;
    const auto file = generated_jpeg(recipe);
    const auto whole = Image::decode(file);
    for (const auto& window : {Window{0, 0, width, height}, Window{200, 150, width - 400, height - 290},
                               Window{1, 1, width - 2, height - 2}, Window{37, 0, width - 37, 1400}}) {
      INFO(described(sampling.name, width, height, recipe.restart_interval, window));
      REQUIRE(is_shared(file, window));
      REQUIRE(differences(excerpt_of(file, window, 2), whole, window) == 0);
    }
  }
}

TEST_CASE("the record of a part is that of the whole picture") {
  const auto file = generated_jpeg(recipe_of(samplings()[4], 333, 222));
  const auto whole = Image::decode(file, {}, "part.jpg");
  const auto part = excerpt_of(file, {100, 100, 20, 20});
  CHECK_FALSE(is_whole(part));
  CHECK(part.width == 333);
  CHECK(part.height == 222);
  CHECK(part.stored.width() == part.window.width);
  CHECK(part.stored.height() == part.window.height);
  CHECK(part.stored.info().name == whole.info().name);
  CHECK(part.stored.info().sha256 == whole.info().sha256);
  CHECK(part.stored.info().format == whole.info().format);
  CHECK(part.stored.info().decoder == whole.info().decoder);
  CHECK(part.stored.info().source_mode == whole.info().source_mode);
  CHECK(part.stored.info().warnings == whole.info().warnings);
}

TEST_CASE("damage anywhere in a file is the same error for a part as for the whole") {
  int errors = 0;
  for (const auto& sampling : samplings()) {
    for (const unsigned restart : {0U, 3U}) {
      INFO(sampling.name, " ", restart);
      const auto file = generated_jpeg(recipe_of(sampling, 150, 130, restart));
      check_damage(file, {60, 50, 30, 30}, 1, 200, errors);
    }
  }
  CHECK(errors >= 4000);
}

TEST_CASE("damage anywhere in a file is the same error for two threads as for one") {
  int errors = 0;
  for (const auto& sampling : {samplings()[0], samplings()[4]}) {
    CAPTURE(sampling.name);
    auto recipe = recipe_of(sampling, 1700, 1300, 20);
    recipe.quality = 10;
    const auto file = generated_jpeg(recipe);
    const Window window{8, 8, 1680, 1280};
    REQUIRE(is_shared(file, window));
    check_damage(file, window, 2, 40, errors);
  }
  CHECK(errors >= 150);
}

TEST_CASE("what cannot be had in part is decoded whole") {
  const Window window{10, 10, 20, 20};
  for (const char* name : {"progressive_444.jpg", "cmyk.jpg", "rgb8.png"}) {
    const auto& all = pictures();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& p) { return p.name == name; });
    if (found == all.end()) continue;
    CAPTURE(name);
    const auto excerpt = excerpt_of(found->bytes, window);
    CHECK(is_whole(excerpt));
    CHECK(largest_difference(excerpt.stored, *found) == 0);
  }
  auto progressive = recipe_of(samplings()[4], 200, 200);
  progressive.progressive = true;
  auto cmyk = recipe_of(samplings()[1], 200, 200);
  cmyk.cmyk = true;
  auto odd = recipe_of({"4x2", false, 4, 2}, 200, 200);
  for (const auto& recipe : {progressive, cmyk, odd}) {
    const auto file = generated_jpeg(recipe);
    const auto excerpt = excerpt_of(file, {90, 90, 20, 20});
    CHECK(is_whole(excerpt));
    CHECK(differences(excerpt, Image::decode(file), {0, 0, 200, 200}) == 0);
  }
}

TEST_CASE("stb_image decodes the whole picture") {
  const auto file = generated_jpeg(recipe_of(samplings()[1], 200, 200));
  CHECK(is_whole(excerpt_of(file, {90, 90, 20, 20}, 1, {.decoder = Decoder::stb})));
}

TEST_CASE("an orientation to apply needs the whole picture, one to report does not") {
  int seen = 0;
  for (const auto& picture : pictures()) {
    if (!picture.name.ends_with(".jpg") || picture.bytes.empty()) continue;
    const auto whole = Image::decode(picture.bytes);
    if (whole.info().exif_orientation == 1) continue;
    ++seen;
    CAPTURE(picture.name);
    const auto turned = excerpt_of(picture.bytes, {0, 0, 1, 1}, 1, {.apply_orientation = true});
    CHECK(is_whole(turned));
    const auto image = Image::decode(picture.bytes, {.apply_orientation = true});
    CHECK(differences(turned, image, {0, 0, image.width(), image.height()}) == 0);
    const auto stored = excerpt_of(picture.bytes, {0, 0, 1, 1});
    CHECK(stored.stored.info().warnings == whole.info().warnings);
    CHECK(differences(stored, whole, {0, 0, 1, 1}) == 0);
  }
  CHECK(seen > 0);
}

TEST_CASE("nothing needed in particular, or a window beyond the picture, is the whole") {
  const auto file = generated_jpeg(recipe_of(samplings()[4], 200, 200));
  const auto none = [](const Sides&, std::uint32_t) { return std::optional<Window>(); };
  CHECK(is_whole(image::decode_excerpt(file, {}, {}, {none, {}}, 1)));
  CHECK(is_whole(image::decode_excerpt(file, {}, {}, {}, 1)));
  CHECK(is_whole(excerpt_of(file, {190, 0, 11, 1})));
}

TEST_CASE("the size that a window is asked for is the picture's") {
  const auto file = generated_jpeg(recipe_of(samplings()[4], 123, 45));
  Sides asked;
  const auto whole = image::decode_excerpt(file, {}, {},
                                           {[&](const Sides& picture, std::uint32_t) {
                                              asked = picture;
                                              return std::optional<Window>();
                                            },
                                            {}},
                                           1);
  CHECK(asked == Sides{123, 45});
}

// ---- fast_decode: pixels of a smaller size. That whole pictures then are Pillow's is decode_turbo_test.cpp's.

TEST_CASE("a part of a picture decoded smaller is that part of the whole picture decoded as small") {
  std::minstd_rand random(23);
  int parts = 0;
  int cut = 0;
  const std::vector<std::uint32_t> sides{8, 9, 15, 16, 17, 31, 33, 47, 64, 97, 130, 257};
  for (const std::uint32_t divisor : {2U, 4U, 8U}) {
    for (const auto& sampling : samplings()) {
      for (const auto width : sides) {
        for (const auto height : sides) {
          const unsigned restart = static_cast<unsigned>(random()) % 3;
          const auto file = generated_jpeg(recipe_of(sampling, width, height, restart));
          const Sides enough = enough_for(width, height, divisor);
          const auto whole = fast_excerpt(file, std::nullopt, enough);
          REQUIRE(whole.divisor == divisor);
          REQUIRE(is_whole(whole));
          for (const auto& window : windows_of(whole.window.width, whole.window.height, 4, random)) {
            INFO("1/", divisor, " of ", described(sampling.name, width, height, restart, window));
            const auto part = fast_excerpt(file, window, enough);
            REQUIRE(part.divisor == divisor);
            REQUIRE(differences(part, whole.stored, window) == 0);
            cut += is_whole(part) ? 0 : 1;
            ++parts;
          }
        }
      }
    }
  }
  CHECK(parts >= 28'000);
  CHECK(cut >= parts / 4);  // the rest touch every coded unit
}

TEST_CASE(
    "a part of a larger picture decoded smaller is that part of the whole, where many rows and columns are left out") {
  std::minstd_rand random(24);
  for (const std::uint32_t divisor : {2U, 4U, 8U}) {
    for (const auto& sampling : samplings()) {
      const std::uint32_t width = 900 + static_cast<std::uint32_t>(random()) % 200;
      const std::uint32_t height = 700 + static_cast<std::uint32_t>(random()) % 200;
      const auto file = generated_jpeg(recipe_of(sampling, width, height, divisor * 10));
      const Sides enough = enough_for(width, height, divisor);
      const auto whole = fast_excerpt(file, std::nullopt, enough);
      for (const auto& window : windows_of(whole.window.width, whole.window.height, 20, random)) {
        INFO("1/", divisor, " of ", described(sampling.name, width, height, divisor * 10, window));
        REQUIRE(differences(fast_excerpt(file, window, enough), whole.stored, window) == 0);
      }
    }
  }
}

TEST_CASE("damage anywhere in a file is the same error for a smaller picture as for the exact one") {
  int errors = 0;
  for (const std::uint32_t divisor : {2U, 4U, 8U}) {
    for (const auto& sampling : samplings()) {
      for (const bool progressive : {false, true}) {
        INFO("1/", divisor, " ", sampling.name, progressive ? " progressive" : "");
        auto recipe = recipe_of(sampling, 150, 130, divisor == 2 ? 3 : 0);
        recipe.progressive = progressive;
        const auto file = generated_jpeg(recipe);
        for (const auto& bytes : damaged(file, 60)) {
          const auto exact = failure_of([&] { Image::decode(bytes, {}, "part.jpg"); });
          const auto fast = failure_of([&] { fast_excerpt(bytes, Window{7, 5, 8, 8}, enough_for(150, 130, divisor)); });
          errors += exact ? 1 : 0;
          REQUIRE(fast.has_value() == exact.has_value());
          if (exact) REQUIRE(fast->message == exact->message);
          if (exact) REQUIRE(fast->code == exact->code);
        }
      }
    }
  }
  CHECK(errors >= 3000);
}

TEST_CASE("a smaller picture says so, with its size and that of the whole") {
  const auto file = generated_jpeg(recipe_of(samplings()[4], 1001, 750));
  const auto whole = Image::decode(file, {}, "part.jpg");
  const auto fast = fast_excerpt(file, Window{100, 50, 20, 20}, {250, 180});
  CHECK(fast.divisor == 4);
  CHECK(fast.width == 1001);
  CHECK(fast.height == 750);
  CHECK_FALSE(is_whole(fast));
  CHECK(fast.stored.width() == fast.window.width);
  CHECK(fast.stored.height() == fast.window.height);
  CHECK(fast.stored.info().sha256 == whole.info().sha256);
  CHECK(fast.stored.info().decoder == whole.info().decoder);
  REQUIRE(fast.stored.info().warnings.size() == 1);
  CHECK(fast.stored.info().warnings[0].code == "FAST_DECODE");
  const auto& message = fast.stored.info().warnings[0].message;
  CHECK(contains(message, "1001 x 750 pixels was decoded at 1/4 of that size, 251 x 188"));
}

TEST_CASE("a picture is exact without fast_decode, and where nothing smaller is enough") {
  const auto file = generated_jpeg(recipe_of(samplings()[4], 333, 222));
  const auto whole = Image::decode(file, {.fast_decode = true});
  CHECK(whole.info().warnings.empty());
  CHECK(whole.width() == 333);
  const auto exact_as = [&](const Excerpt& excerpt) {
    return excerpt.divisor == 1 && excerpt.stored.info().warnings.empty() &&
           differences(excerpt, whole, {0, 0, 333, 222}) == 0;
  };
  CHECK(exact_as(fast_excerpt(file, std::nullopt, {167, 100})));
  CHECK(exact_as(fast_excerpt(file, std::nullopt, {100, 112})));
  const image::Need small{{}, [](const Sides&) { return std::optional(Sides{10, 10}); }};
  const image::Need unknown{{}, [](const Sides&) { return std::optional<Sides>(); }};
  CHECK(exact_as(image::decode_excerpt(file, {}, {}, small, 1)));
  CHECK(exact_as(image::decode_excerpt(file, {.fast_decode = true}, {}, unknown, 1)));
  CHECK(exact_as(image::decode_excerpt(file, {.fast_decode = true}, {}, {}, 1)));
}

TEST_CASE("stb_image and PNG are exact, whatever would be enough") {
  const auto file = generated_jpeg(recipe_of(samplings()[1], 200, 200));
  const auto stb = fast_excerpt(file, std::nullopt, {10, 10}, {.decoder = Decoder::stb});
  CHECK(stb.divisor == 1);
  CHECK(stb.stored.info().warnings.empty());
  CHECK(stb.stored.width() == 200);
  const auto& png = picture("rgb_8.png");
  const auto exact = fast_excerpt(png.bytes, std::nullopt, {1, 1});
  CHECK(exact.divisor == 1);
  CHECK(exact.stored.info().warnings.empty());
  CHECK(largest_difference(exact.stored, png) == 0);
}

TEST_CASE("limits count the picture as it is stored, however small it is decoded") {
  const auto file = generated_jpeg(recipe_of(samplings()[4], 400, 300));
  DecodeOptions options;
  options.limits.max_pixels = 119'999;
  const auto failure = failure_of([&] { fast_excerpt(file, std::nullopt, {10, 10}, options); });
  REQUIRE(failure.has_value());
  CHECK(failure->code == ErrorCode::limit_exceeded);
  CHECK(contains(failure->message, "400 x 300 = 120000 pixels"));
  options = {};
  options.limits.max_decoded_bytes = 359'999;
  CHECK(failure_of([&] { fast_excerpt(file, std::nullopt, {10, 10}, options); })->code == ErrorCode::limit_exceeded);
}

TEST_CASE("a picture to be turned is decoded smaller when that leaves no pixel half outside, and asked for upright") {
  // The picture with an EXIF block that says `orientation`, put right behind the start marker.
  const auto turned = [](const ByteVector& file, int orientation) {
    const auto exif = bytes_of({0xff, 0xe1, 0, 34,   'E', 'x', 'i', 'f', 0, 0, 'M', 'M',         0, 42, 0, 0, 0, 8,
                                0,    1,    1, 0x12, 0,   3,   0,   0,   0, 1, 0,   orientation, 0, 0,  0, 0, 0, 0});
    auto bytes = file;
    bytes.insert(bytes.begin() + 2, exif.begin(), exif.end());
    return bytes;
  };
  const auto even = generated_jpeg(recipe_of(samplings()[4], 320, 160));
  const auto stored = fast_excerpt(even, std::nullopt, {40, 20});
  REQUIRE(stored.divisor == 8);
  for (int orientation = 2; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    const bool lies = orientation >= 5;
    const Sides upright = lies ? Sides{160, 320} : Sides{320, 160};
    Sides asked;
    const image::Need need{{}, [&](const Sides& picture) {
                             asked = picture;
                             return std::optional(lies ? Sides{20, 40} : Sides{40, 20});
                           }};
    const DecodeOptions options{.apply_orientation = true, .fast_decode = true};
    const auto file = turned(even, orientation);
    const auto excerpt = image::decode_excerpt(file, options, {}, need, 1);
    CHECK(asked == upright);
    CHECK(excerpt.divisor == 8);
    CHECK(Sides{excerpt.width, excerpt.height} == upright);
    CHECK(is_whole(excerpt));
    CHECK(Sides{excerpt.stored.width(), excerpt.stored.height()} == image::reduced(upright, 8));
    // As Pillow's exif_transpose, of which orientation_test.cpp holds every turn against PNGs.
    auto data = std::make_shared<Image::Data>();
    data->width = stored.stored.width();
    data->height = stored.stored.height();
    data->channels = 3;
    data->pixels = base::allocate_large(data->size_bytes());
    std::memcpy(data->pixels.get(), stored.stored.pixels().data(), data->size_bytes());
    image::apply_orientation(*data, orientation, {});
    CHECK(std::ranges::equal(excerpt.stored.pixels(), Image(data).pixels()));
    CHECK(excerpt.stored.info().warnings.size() == 1);
    CHECK(excerpt.stored.info().orientation_applied);
  }
  const auto odd = turned(generated_jpeg(recipe_of(samplings()[4], 324, 164)), 6);  // multiples of 4
  const auto excerpt = fast_excerpt(odd, std::nullopt, {20, 40}, {.apply_orientation = true});
  CHECK(excerpt.divisor == 4);
  CHECK(Sides{excerpt.width, excerpt.height} == Sides{164, 324});
  const auto as_stored = fast_excerpt(odd, std::nullopt, {40, 20});
  CHECK(as_stored.divisor == 8);
  CHECK(as_stored.stored.info().warnings.size() == 2);  // EXIF_ORIENTATION beside it
}

#endif
