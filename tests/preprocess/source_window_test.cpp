// A recipe must give the same tensor from the pixels that source_window names as from the whole picture, whatever
// stands around them.
#include "preprocess/source_window.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "errors.hpp"
#include "kernel_sets.hpp"
#include "pictures.hpp"
#include "preprocess/pipeline.hpp"
#include "preprocess/simd.hpp"

using namespace mediscan;
using image::Excerpt;
using image::Window;
using recipe::Size;

namespace {

PreprocessSpec evaluation() {
  PreprocessSpec spec;
  spec.resize = ResizeStep{};
  spec.crop = CropStep{};
  return spec;
}

/// The window and up to `margin` pixels around it, in memory of exactly that size; the margin holds 0xa5.
Excerpt cut(const Image& whole, const Window& window, std::uint32_t margin) {
  const std::uint32_t x = window.x - std::min(window.x, margin);
  const std::uint32_t y = window.y - std::min(window.y, margin);
  const Window stored{x, y, std::min(window.right() + margin, whole.width()) - x,
                      std::min(window.bottom() + margin, whole.height()) - y};
  auto data = std::make_shared<Image::Data>();
  data->width = stored.width;
  data->height = stored.height;
  data->channels = whole.channels();
  data->bits = whole.bits();
  data->pixels = base::allocate_large(data->size_bytes());
  std::memset(data->pixels.get(), 0xa5, data->size_bytes());
  const std::size_t pixel = std::size_t{whole.channels()} * whole.bytes_per_sample();
  for (std::uint32_t row = window.y; row < window.bottom(); ++row) {
    std::memcpy(data->pixels.get() + (row - y) * data->row_bytes() + (window.x - x) * pixel,
                whole.pixels().data() + row * whole.row_bytes() + window.x * pixel, window.width * pixel);
  }
  return {Image(std::move(data)), stored, whole.width(), whole.height()};
}

std::vector<float> tensor_of(const Excerpt& excerpt, const PreprocessSpec& spec, const recipe::Kernels& kernels,
                             int threads = 1) {
  const auto [height, width] = recipe::output_size(excerpt.height, excerpt.width, spec);
  std::vector<float> out(std::size_t{spec.channels()} * height * width);
  recipe::preprocess_into(excerpt, spec, out, kernels, threads);
  return out;
}

PreprocessSpec random_recipe(std::minstd_rand& random) {
  const auto pick = [&](std::uint32_t low, std::uint32_t high) {
    return low + static_cast<std::uint32_t>(random()) % (high - low + 1);
  };
  PreprocessSpec spec;
  spec.color = pick(0, 2) == 0 ? ColorMode::gray : ColorMode::rgb;
  spec.square_crop = pick(0, 3) == 0;
  spec.layout = pick(0, 1) == 0 ? Layout::nchw : Layout::nhwc;
  ResizeStep resize;
  resize.mode = static_cast<ResizeStep::Mode>(pick(0, 2));
  resize.size = pick(4, 90);
  resize.width = pick(1, 90);
  resize.height = pick(1, 90);
  resize.filter = static_cast<Filter>(pick(0, 3));
  resize.arithmetic = pick(0, 2) == 0 ? ResizeStep::Arithmetic::float32 : ResizeStep::Arithmetic::automatic;
  spec.resize = resize;
  spec.crop = CropStep{pick(1, 60), pick(1, 60)};
  return spec;
}

}  // namespace

TEST_CASE("torchvision's evaluation of a 12-megapixel picture reads 58 of 100 pixels") {
  // 341 x 256, crop from column 58 and row 16; a bilinear output at i reads from (i + 0.5 -+ 1) x scale on.
  const auto window = recipe::source_window(Size{3000, 4000}, evaluation());
  REQUIRE(window.has_value());
  CHECK(window->x == 674);          // (58.5 - 1) x 4000 / 341 = 674.5, just below
  CHECK(window->right() == 3314);   // (281.5 + 1) x 4000 / 341 = 3313.8
  CHECK(window->y == 182);          // (16.5 - 1) x 3000 / 256 = 181.6
  CHECK(window->bottom() == 2818);  // (239.5 + 1) x 3000 / 256 = 2818.4
}

TEST_CASE("a recipe that reads every pixel, or whose reach is not known, has no window") {
  PreprocessSpec spec = evaluation();
  spec.crop.reset();
  CHECK_FALSE(recipe::source_window(Size{3000, 4000}, spec).has_value());
  spec = evaluation();
  spec.thumbnail = ThumbnailStep{};
  CHECK_FALSE(recipe::source_window(Size{3000, 4000}, spec).has_value());
  CHECK(recipe::source_window(Size{900, 1000}, spec).has_value());  // too small for the thumbnail step to do anything
  spec = evaluation();
  spec.resize.reset();
  CHECK_FALSE(recipe::source_window(Size{3000, 4000}, spec).has_value());
  CHECK_FALSE(recipe::source_window(Size{256, 300}, evaluation()).has_value());  // no pass needed: the size stays
}

TEST_CASE("a recipe that cannot be run has no window: the error is preprocess's") {
  PreprocessSpec spec = evaluation();
  spec.resize->size = 0;
  CHECK_FALSE(recipe::source_window(Size{300, 400}, spec).has_value());
  CHECK_FALSE(recipe::source_window(Size{1, 16'000'000}, evaluation()).has_value());  // a side of 2^32 pixels
}

TEST_CASE("an excerpt gives the tensor of the whole picture, for every recipe and kernel") {
  std::minstd_rand random(5);
  int parts = 0;
  for (int round = 0; round < 600; ++round) {
    const PreprocessSpec spec = random_recipe(random);
    const test::PictureOf of{1 + static_cast<std::uint32_t>(random()) % 300,
                             1 + static_cast<std::uint32_t>(random()) % 300,
                             random() % 2 == 0 ? 3U : 1U,
                             random() % 4 == 0 ? 16U : 8U,
                             round % 2 == 0 ? test::Pattern::noise : test::Pattern::blocks,
                             static_cast<std::uint32_t>(round)};
    const auto window = recipe::source_window(Size{of.height, of.width}, spec);
    if (!window) continue;
    ++parts;
    INFO("round ", round, ": ", of.width, " x ", of.height, ", ", of.channels, " channels, ", of.bits, " bits");
    const Image whole = test::picture(of);
    for (const char* name : {"portable", "avx2", "avx512"}) {
      const auto* kernels = test::kernel_set(name, true);
      if (kernels == nullptr) continue;
      const auto expected = tensor_of(Excerpt(whole), spec, *kernels);
      for (const std::uint32_t margin : {0U, 1U, 17U}) {
        const bool same = tensor_of(cut(whole, *window, margin), spec, *kernels) == expected;
        REQUIRE_MESSAGE(same, kernels->name, " kernels, margin ", margin);
      }
    }
  }
  CHECK(parts >= 300);
}

TEST_CASE("two threads give the tensor of one, from an excerpt and from the whole") {
  for (const std::uint32_t channels : {1U, 3U}) {
    const Image whole = test::picture({2400, 1800, channels, 8});
    for (const auto arithmetic : {ResizeStep::Arithmetic::automatic, ResizeStep::Arithmetic::float32}) {
      PreprocessSpec spec = evaluation();
      spec.resize->arithmetic = arithmetic;
      const auto window = recipe::source_window(Size{1800, 2400}, spec);
      REQUIRE(window.has_value());
      REQUIRE(std::uint64_t{window->width} * window->height >= recipe::min_pixels_for_two);
      const auto& kernels = recipe::active_kernels();
      const auto expected = tensor_of(Excerpt(whole), spec, kernels, 1);
      CHECK(tensor_of(Excerpt(whole), spec, kernels, 2) == expected);
      CHECK(tensor_of(cut(whole, *window, 3), spec, kernels, 2) == expected);
    }
  }
}

TEST_CASE("an excerpt that lacks what the recipe reads is refused, not read beyond") {
  const Image whole = test::picture({400, 300, 3, 8});
  const auto window = recipe::source_window(Size{300, 400}, evaluation());
  REQUIRE(window.has_value());
  std::vector<float> out(std::size_t{3} * 224 * 224);
  for (const Window less : {Window{window->x + 1, window->y, window->width - 1, window->height},
                            Window{window->x, window->y, window->width, window->height - 1}}) {
    const auto error = test::error_of([&] { recipe::preprocess_into(cut(whole, less, 0), evaluation(), out, 1); });
    CHECK(error.code() == ErrorCode::internal);
    CHECK(test::contains(error.message(), "the recipe reads"));
  }
}

// ---- Pictures that the decoder has reduced.

namespace {

using image::Sides;

/// A plane that rises along both axes, as a decoder that divides its sides by `divisor` would see it: every reduced
/// pixel is the mean of what it covers, beyond the picture's edge too.
Excerpt slope(const Size& full, std::uint32_t divisor, std::uint32_t channels) {
  auto data = std::make_shared<Image::Data>();
  data->width = image::reduced(full.width, divisor);
  data->height = image::reduced(full.height, divisor);
  data->channels = channels;
  data->pixels = base::allocate_large(data->size_bytes());
  auto* to = data->pixels.get();
  const double across = 120.0 / full.width;
  const double down = 120.0 / full.height;
  for (std::uint32_t y = 0; y < data->height; ++y) {
    for (std::uint32_t x = 0; x < data->width; ++x) {
      const double value = across * (x + 0.5) * divisor + down * (y + 0.5) * divisor;
      for (std::uint32_t c = 0; c < channels; ++c) *to++ = static_cast<std::byte>(std::lround(value));
    }
  }
  const Window window{0, 0, data->width, data->height};
  return {Image(std::move(data)), window, full.width, full.height, divisor};
}

/// An excerpt of nothing but the window of a reduced picture.
Excerpt cut_reduced(const Excerpt& whole, const Window& window) {
  const Excerpt part = cut(whole.stored, window, 0);
  return {part.stored, part.window, whole.width, whole.height, whole.divisor};
}

}  // namespace

TEST_CASE("what is enough of a picture leaves the first resize twice as much to reduce as the model sees") {
  CHECK(recipe::sufficient_size(Size{3000, 4000}, evaluation()) == Sides{682, 512});  // 341 x 256
  CHECK(recipe::sufficient_size(Size{450, 600}, evaluation()) == Sides{682, 512});    // more than there is
  PreprocessSpec spec = evaluation();
  spec.resize->mode = ResizeStep::Mode::exact;
  spec.resize->width = 30;
  spec.resize->height = 50;
  CHECK(recipe::sufficient_size(Size{3000, 4000}, spec) == Sides{60, 100});
  spec.square_crop = true;  // of 4000 columns 3000 become 30
  CHECK(recipe::sufficient_size(Size{3000, 4000}, spec) == Sides{80, 100});
  CHECK(recipe::sufficient_size(Size{3000, 4001}, spec) == Sides{81, 100});
  spec.thumbnail = ThumbnailStep{};  // then it is the thumbnail step that meets the decoded pixels
  CHECK(recipe::sufficient_size(Size{3000, 4000}, spec) == Sides{2048, 1536});
  CHECK(recipe::sufficient_size(Size{750, 1000}, spec) == Sides{80, 100});  // it does nothing to this one
}

TEST_CASE("a recipe without resize, or that cannot be run, needs the full size") {
  PreprocessSpec spec = evaluation();
  spec.resize.reset();
  CHECK_FALSE(recipe::sufficient_size(Size{3000, 4000}, spec).has_value());
  spec = evaluation();
  spec.resize->size = 0;
  CHECK_FALSE(recipe::sufficient_size(Size{3000, 4000}, spec).has_value());
  CHECK_FALSE(recipe::sufficient_size(Size{1, 16'000'000}, evaluation()).has_value());
}

TEST_CASE("a recipe that enlarges on one axis never gets less than it asks") {
  PreprocessSpec spec = evaluation();
  spec.crop.reset();
  spec.resize->mode = ResizeStep::Mode::exact;
  spec.resize->width = 10;
  spec.resize->height = 5000;
  const auto enough = recipe::sufficient_size(Size{3000, 4000}, spec);
  REQUIRE(enough == Sides{20, 10000});
  CHECK(image::divisor_for({4000, 3000}, enough, false) == 1);
}

TEST_CASE("the region's edges lie where they do in the full picture, between pixels or within one") {
  const auto whole = recipe::source_axis({0, 1001, 0, 1001}, 4);
  CHECK(whole.pixels.start == 0);
  CHECK(whole.pixels.length == 251);
  CHECK(whole.begin == 0.0F);
  CHECK(whole.end == 250.25F);
  const auto inner = recipe::source_axis({501, 1000, 0, 1000}, 8);  // 62.625 to 187.625
  CHECK(inner.pixels.start == 62);
  CHECK(inner.pixels.length == 126);
  CHECK(inner.begin == 0.625F);
  CHECK(inner.end == 125.625F);
  const auto exact = recipe::source_axis({501, 1000, 0, 1000}, 1);
  CHECK(exact.pixels.start == 501);
  CHECK(exact.pixels.length == 1000);
  CHECK(exact.begin == 0.0F);
  CHECK(exact.end == 1000.0F);
}

TEST_CASE("every size and crop is that of the full picture, whatever the decoder divided its sides by") {
  std::minstd_rand random(6);
  int compared = 0;
  for (int round = 0; round < 400; ++round) {
    PreprocessSpec spec = random_recipe(random);
    if (round % 3 == 0) spec.thumbnail = ThumbnailStep{100, Filter::bilinear, std::nullopt};
    if (round % 6 == 0) spec.thumbnail->reducing_gap = 2.0;
    const Size full{700 + static_cast<std::uint32_t>(random()) % 300, 700 + static_cast<std::uint32_t>(random()) % 300};
    const std::uint32_t channels = random() % 2 == 0 ? 3 : 1;
    const auto& kernels = recipe::active_kernels();
    const auto exact = tensor_of(slope(full, 1, channels), spec, kernels);
    const auto divisor = image::divisor_for({full.width, full.height}, recipe::sufficient_size(full, spec), false);
    if (divisor == 1) continue;
    const auto reduced = tensor_of(slope(full, divisor, channels), spec, kernels);
    REQUIRE(exact.size() == reduced.size());
    float largest = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) largest = std::max(largest, std::abs(exact[i] - reduced[i]));
    INFO("round ", round, ": ", full.width, " x ", full.height, " divided by ", divisor);
    // Rounding in each pass, and filters that are cut off at the edge cut another share off. A picture that lay beside
    // its place by one pixel of the full size would differ everywhere, by more than that where the slope is steep.
    constexpr float float_of_two_levels = 2.0001F;  // 2 / 255 and back, in float32
    CHECK(largest * 255 <= float_of_two_levels);
    ++compared;
  }
  CHECK(compared >= 200);
}

TEST_CASE("of a reduced picture, too, the window is all that the recipe reads") {
  std::minstd_rand random(7);
  int parts = 0;
  for (int round = 0; round < 400; ++round) {
    const PreprocessSpec spec = random_recipe(random);
    const Size full{300 + static_cast<std::uint32_t>(random()) % 300, 300 + static_cast<std::uint32_t>(random()) % 300};
    const auto divisor = image::divisor_for({full.width, full.height}, recipe::sufficient_size(full, spec), false);
    if (divisor == 1) continue;
    const test::PictureOf of{image::reduced(full.width, divisor),
                             image::reduced(full.height, divisor),
                             random() % 2 == 0 ? 3U : 1U,
                             8,
                             test::Pattern::noise,
                             static_cast<std::uint32_t>(round)};
    const Image small = test::picture(of);
    const Excerpt whole{small, {0, 0, of.width, of.height}, full.width, full.height, divisor};
    const auto window = recipe::source_window(full, spec, divisor);
    if (!window) continue;
    ++parts;
    INFO("round ", round, ": ", full.width, " x ", full.height, " divided by ", divisor);
    for (const char* name : {"portable", "avx2", "avx512"}) {
      const auto* kernels = test::kernel_set(name, true);
      if (kernels == nullptr) continue;
      REQUIRE(tensor_of(cut_reduced(whole, *window), spec, *kernels) == tensor_of(whole, spec, *kernels));
    }
  }
  CHECK(parts >= 150);
}

TEST_CASE("a reduced excerpt that lacks what the recipe reads is refused, not read beyond") {
  const Size full{1600, 2000};
  const Excerpt whole = slope(full, 2, 3);
  const auto window = recipe::source_window(full, evaluation(), 2);
  REQUIRE(window.has_value());
  const Window less{window->x, window->y + 1, window->width, window->height - 1};
  std::vector<float> out(std::size_t{3} * 224 * 224);
  const auto error = test::error_of([&] { recipe::preprocess_into(cut_reduced(whole, less), evaluation(), out, 1); });
  CHECK(error.code() == ErrorCode::internal);
}
