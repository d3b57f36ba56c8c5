// A recipe must give the same tensor from the pixels that source_window names as from the whole picture, whatever
// stands around them.
#include "preprocess/source_window.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
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
