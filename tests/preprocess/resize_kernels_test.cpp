// The vector kernels against the portable ones, over random sizes, filters and crops: identical integers.
#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "kernel_sets.hpp"
#include "pictures.hpp"
#include "preprocess/pipeline.hpp"

namespace {

using namespace mediscan;

class RandomRecipes {
 public:
  std::uint32_t between(std::uint32_t low, std::uint32_t high) {
    return std::uniform_int_distribution<std::uint32_t>(low, high)(engine_);
  }
  std::uint32_t side() { return between(0, 9) == 0 ? between(1, 4) : between(1, 300); }

  test::PictureOf picture() {
    return {side(),
            side(),
            between(0, 1) == 0 ? 1U : 3U,
            8,
            between(0, 3) == 0 ? test::Pattern::blocks : test::Pattern::noise,
            between(0, 1'000'000)};
  }
  PreprocessSpec recipe() {
    PreprocessSpec spec;
    if (between(0, 2) == 0) spec.color = ColorMode::gray;
    if (between(0, 3) == 0) spec.thumbnail = ThumbnailStep{between(1, 200), filter(), std::nullopt};
    if (between(0, 4) > 0) {
      ResizeStep step;
      step.mode = ResizeStep::Mode::exact;
      step.height = side();
      step.width = side();
      step.filter = filter();
      spec.resize = step;
    }
    if (between(0, 1) == 0) spec.crop = CropStep{side(), side()};
    return spec;
  }

 private:
  Filter filter() { return static_cast<Filter>(between(0, 3)); }
  std::mt19937 engine_{20'240'607};
};

void compare(const std::string& set, int rounds) {
  const recipe::Kernels* kernels = test::kernel_set(set);
  if (kernels == nullptr) return;
  RandomRecipes random;
  for (int round = 0; round < rounds; ++round) {
    const test::PictureOf of = random.picture();
    const PreprocessSpec spec = random.recipe();
    const Image image = test::picture(of);
    const auto expected = recipe::preprocess_to_pixels(image, spec, recipe::portable_kernels());
    const auto found = recipe::preprocess_to_pixels(image, spec, *kernels);
    CAPTURE(round);
    CAPTURE(of.width);
    CAPTURE(of.height);
    CAPTURE(of.channels);
    REQUIRE(found.bytes == expected.bytes);
  }
}

}  // namespace

TEST_CASE("AVX2 kernels equal the portable ones over random recipes") { compare("avx2", 400); }
TEST_CASE("emulated AVX-512 kernels equal the portable ones over random recipes") { compare("avx512 (emulated)", 150); }
TEST_CASE("AVX-512 kernels equal the portable ones over random recipes") { compare("avx512", 400); }

TEST_CASE("every kernel set makes grey of RGB by Pillow's formula at every length") {
  for (const char* set : {"portable", "avx2", "avx512 (emulated)", "avx512"}) {
    const recipe::Kernels* kernels = test::kernel_set(set, true);
    if (kernels == nullptr) continue;
    CAPTURE(set);
    for (std::uint32_t length = 1; length < 70; ++length) {
      const test::PictureOf of{length, 1, 3, 8, test::Pattern::noise, length};
      const Image image = test::picture(of);
      std::vector<std::uint8_t> gray(length);
      const void* rgb = image.pixels().data();
      kernels->gray(static_cast<const std::uint8_t*>(rgb), gray.data(), length);
      for (std::uint32_t x = 0; x < length; ++x) {
        const std::uint32_t sum = 19595 * test::sample_of(of, x, 0, 0) + 38470 * test::sample_of(of, x, 0, 1) +
                                  7471 * test::sample_of(of, x, 0, 2) + 32768;
        REQUIRE(gray[x] == sum >> 16);
      }
    }
  }
}

TEST_CASE("every kernel set survives windows of thousands of taps") {
  const Image image = test::picture({16'000, 2, 3, 8, test::Pattern::blocks});
  PreprocessSpec spec;
  spec.resize = ResizeStep{ResizeStep::Mode::exact, 0, 1, 2, Filter::lanczos};
  const auto expected = recipe::preprocess_to_pixels(image, spec, recipe::portable_kernels());
  for (const char* set : {"avx2", "avx512 (emulated)", "avx512"}) {
    const recipe::Kernels* kernels = test::kernel_set(set, true);
    if (kernels != nullptr) CHECK(recipe::preprocess_to_pixels(image, spec, *kernels).bytes == expected.bytes);
  }
}
