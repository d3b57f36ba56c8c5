#include "preprocess/coefficients.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <thread>
#include <vector>

#include "pictures.hpp"
#include "preprocess/pipeline.hpp"

using namespace mediscan;
using recipe::AxisResize;

namespace {

AxisResize whole(std::uint32_t in, std::uint32_t out, Filter filter) {
  return {in, out, 0.0F, static_cast<float>(in), 0, out, filter};
}

}  // namespace

TEST_CASE("weights of every output sum to 1 and stay within the input") {
  for (const Filter filter : {Filter::box, Filter::bilinear, Filter::bicubic, Filter::lanczos}) {
    for (const auto& [in, out] : {std::pair{1U, 7U}, {7U, 1U}, {600U, 341U}, {97U, 224U}, {4000U, 299U}}) {
      const auto taps = recipe::make_real_taps(whole(in, out, filter));
      for (std::size_t i = 0; i < out; ++i) {
        double sum = 0;
        for (std::size_t x = 0; x < taps.stride; ++x) sum += taps.weights[i * taps.stride + x];
        CHECK(std::abs(sum - 1.0) < 1e-12);
        CHECK(taps.first[i] >= 0);
        CHECK(taps.count[i] > 0);
        CHECK(taps.first[i] + taps.count[i] <= static_cast<std::int32_t>(in));
      }
    }
  }
}

TEST_CASE(
    "a doubling by the bilinear filter weighs neighbours 3 to 1") {  // triangle of width 2 at distances 1/4 and 3/4
  const auto taps = recipe::make_real_taps(whole(4, 8, Filter::bilinear));
  CHECK(taps.first[3] == 1);
  CHECK(taps.weights[3 * taps.stride] == 0.75);
  CHECK(taps.weights[3 * taps.stride + 1] == 0.25);
}

TEST_CASE("the two 16-bit halves of an integer weight give it back") {
  const auto taps = recipe::make_fixed_taps(whole(300, 77, Filter::lanczos));
  bool has_negative = false;
  for (std::size_t i = 0; i < taps.weights.size(); ++i) {
    REQUIRE(taps.high[i] * (1 << recipe::low_bits) + taps.low[i] == taps.weights[i]);
    has_negative = has_negative || taps.weights[i] < 0;
  }
  CHECK(has_negative);
  CHECK(taps.stride % 16 == 0);
}

TEST_CASE("a window of an axis has the weights of the whole at its place") {
  AxisResize part = whole(500, 200, Filter::bicubic);
  const auto all = recipe::make_fixed_taps(part);
  part.first = 60;
  part.count = 90;
  const auto window = recipe::make_fixed_taps(part);
  for (std::size_t i = 0; i < 90; ++i) {
    REQUIRE(window.first[i] == all.first[i + 60]);
    for (std::size_t x = 0; x < all.stride; ++x) {
      REQUIRE(window.weights[i * all.stride + x] == all.weights[(i + 60) * all.stride + x]);
    }
  }
}

TEST_CASE("a cached table is the same object until others push it out") {
  const AxisResize axis = whole(1234, 567, Filter::lanczos);
  const auto first = recipe::fixed_taps(axis);
  CHECK(recipe::fixed_taps(axis) == first);
  for (std::uint32_t i = 0; i < recipe::max_cached_tables; ++i)
    (void)recipe::fixed_taps(whole(100 + i, 50, Filter::box));
  const auto again = recipe::fixed_taps(axis);
  CHECK(again != first);
  CHECK(again->weights == first->weights);
}

TEST_CASE("the cache does not grow over varied sizes, and a table too large for it is not kept") {
  for (std::uint32_t i = 1; i <= 300; ++i) {
    (void)recipe::fixed_taps(whole(i * 3, i, Filter::bilinear));
    (void)recipe::real_taps(whole(i * 3, i, Filter::bilinear));
  }
  (void)recipe::fixed_taps(whole(3'000'000, 3, Filter::lanczos));  // 3 x 6 million weights
  const recipe::CacheUse use = recipe::tap_cache_use();
  CHECK(use.tables <= 2 * recipe::max_cached_tables);
  CHECK(use.tables >= recipe::max_cached_tables);
  CHECK(use.bytes <= 2 * recipe::max_cached_bytes);
}

TEST_CASE("eight threads with more sizes than the cache holds all get what one thread gets") {
  constexpr std::uint32_t sizes = 100;
  const Image image = test::picture({90, 70, 3, 8});
  const auto spec_of = [](std::uint32_t i) {
    PreprocessSpec spec;
    ResizeStep step;
    step.mode = ResizeStep::Mode::exact;
    step.height = 20 + i % 50;
    step.width = 10 + i;
    step.arithmetic = i % 5 == 0 ? ResizeStep::Arithmetic::float32 : ResizeStep::Arithmetic::automatic;
    spec.resize = step;
    return spec;
  };
  std::vector<Tensor> expected;
  for (std::uint32_t i = 0; i < sizes; ++i) expected.push_back(preprocess(image, spec_of(i)));
  std::atomic<int> differences = 0;
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t round = 0; round < 2 * sizes; ++round) {
        const std::uint32_t i = (round * 37 + t * 13) % sizes;
        if (preprocess(image, spec_of(i)).values != expected[i].values) ++differences;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(differences == 0);
}
