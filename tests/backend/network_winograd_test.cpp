// Winograd's convolution against the sums of a direct one in double, on its own and as oneDNN's backend uses it.
#include "backend/network/winograd.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "backend/parallel.hpp"

namespace mediscan::backend {
namespace {

/// Whether this processor has the kernels, or why the case is skipped.
bool has_winograd() {
  const bool has = WinogradConv::suits({16, 16, 3, 1, 1});
  if (!has) std::printf("MEDISCAN_SKIP: no kernels for this processor: they need AVX2 and FMA, without AVX-512\n");
  return has;
}

/// Loops split among four threads of ours.
void split_by_threads(std::int64_t count, std::int64_t grain, LoopPart part, void* context) {
  const std::int64_t parts = std::clamp<std::int64_t>(count / grain, 1, 4);
  std::vector<std::thread> threads;
  for (std::int64_t i = 0; i < parts; ++i)
    threads.emplace_back([=] { part(count * i / parts, count * (i + 1) / parts, context); });
  for (std::thread& thread : threads) thread.join();
}

constexpr float untouched = -77.0F;

/// A convolution with pictures for it. Pictures have `spare` floats behind each pixel's channels.
struct Case {
  Case(std::int64_t in, std::int64_t out, std::int64_t batch, Extent extent, std::int64_t spare = 0)
      : conv{{in, out, 3, 1, 1}, {}, {}},
        read(static_cast<std::size_t>(batch * extent.height * extent.width * (in + spare))),
        made(static_cast<std::size_t>(batch * extent.height * extent.width * (out + spare)), untouched),
        from{read.data(), batch, extent.height, extent.width, in, in + spare},
        to{made.data(), batch, extent.height, extent.width, out, out + spare} {
    std::mt19937 random(7);
    const auto uniform = [&] { return static_cast<float>(random() % 20001U) / 10000.0F - 1.0F; };
    for (std::int64_t i = 0; i < in * out * 9; ++i) conv.weight.push_back(uniform());
    for (std::int64_t i = 0; i < out; ++i) conv.bias.push_back(uniform());
    std::ranges::generate(read, uniform);
  }
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;

  [[nodiscard]] static std::size_t place(const Pixels& of, std::int64_t n, std::int64_t y, std::int64_t x,
                                         std::int64_t c) {
    return static_cast<std::size_t>(((n * of.height + y) * of.width + x) * of.stride + c);
  }

  void run(Finish finish, int threads) {
    const WinogradConv winograd(conv);
    const std::size_t bytes = winograd.scratch_bytes(from.batch, {from.height, from.width}, threads);
    // Behind the scratch memory stand numbers that must stay.
    std::vector<float> scratch(bytes / sizeof(float) + 64, untouched);
    winograd.run(from, to, finish, threads, scratch.data());
    CHECK(std::all_of(scratch.end() - 64, scratch.end(), [](float number) { return number == untouched; }));
  }

  /// The sum of one pixel's output, and the sum of its terms' magnitudes, which rounding errors are in proportion to.
  [[nodiscard]] std::pair<double, double> direct(std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t o) const {
    double sum = double{conv.bias[static_cast<std::size_t>(o)]};
    double magnitude = std::abs(sum);
    for (std::int64_t k = 0; k < 9; ++k) {
      const std::int64_t at_y = y + k / 3 - 1;
      const std::int64_t at_x = x + k % 3 - 1;
      if (at_y < 0 || at_y >= from.height || at_x < 0 || at_x >= from.width) continue;
      for (std::int64_t i = 0; i < conv.shape.in; ++i) {
        const double term = double{conv.weight[static_cast<std::size_t>((o * conv.shape.in + i) * 9 + k)]} *
                            double{read[place(from, n, at_y, at_x, i)]};
        sum += term;
        magnitude += std::abs(term);
      }
    }
    return {sum, magnitude};
  }

  /// The largest difference from the direct sums, in units of their terms' magnitude; infinite when a number beside
  /// the output's channels was written.
  [[nodiscard]] double largest_error(Finish finish, float before = untouched) const {
    double largest = 0;
    for (std::int64_t pixel = 0; pixel < to.count(); ++pixel) {
      const std::int64_t n = pixel / (to.height * to.width);
      const std::int64_t y = pixel / to.width % to.height;
      const std::int64_t x = pixel % to.width;
      for (std::int64_t c = 0; c < to.stride; ++c) {
        const double found = double{made[place(to, n, y, x, c)]};
        if (c >= to.channels) {
          if (found != double{untouched}) return std::numeric_limits<double>::infinity();
          continue;
        }
        auto [sum, magnitude] = direct(n, y, x, c);
        if (finish.onto) sum += double{before};
        if (finish.relu) sum = std::max(0.0, sum);
        const double error = std::abs(found - sum) / magnitude;
        largest = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(largest, error);
      }
    }
    return largest;
  }

  FoldedConv conv;
  std::vector<float> read;
  std::vector<float> made;
  Pixels from;
  Pixels to;
};

/// Of a sum's terms: float32's rounding in the transforms of both sides and in the sum itself.
constexpr double rounding = 4 * static_cast<double>(std::numeric_limits<float>::epsilon());

TEST_CASE("a convolution by Winograd is the direct one, whatever the picture's size and the number of threads") {
  if (!has_winograd()) return;
  const SplitterScope several(&split_by_threads);
  for (const Extent extent : {Extent{1, 1}, Extent{1, 6}, Extent{2, 2}, Extent{7, 5}, Extent{13, 22}}) {
    for (const std::int64_t batch : {1, 3}) {
      for (const int threads : {1, 4}) {
        Case small(8, 16, batch, extent);
        small.run({}, threads);
        CAPTURE(extent.height);
        CAPTURE(batch);
        CAPTURE(threads);
        CHECK(small.largest_error({}) < rounding);
      }
    }
  }
}

TEST_CASE("a convolution by Winograd whose threads share out the channels is the direct one") {
  if (!has_winograd()) return;
  const SplitterScope several(&split_by_threads);
  for (const int threads : {1, 2, 3, 4}) {
    Case large(256, 80, 1, {6, 5});
    large.run({}, threads);
    CAPTURE(threads);
    CHECK(large.largest_error({}) < rounding);
  }
}

TEST_CASE("a convolution by Winograd adds, cuts off and leaves what lies between pixels alone") {
  if (!has_winograd()) return;
  for (const Finish finish : {Finish{false, true}, Finish{true, false}, Finish{true, true}}) {
    Case with_room(16, 32, 2, {5, 6}, 8);
    constexpr float before = 0.5F;
    for (std::size_t i = 0; i < with_room.made.size(); ++i) {
      if (static_cast<std::int64_t>(i) % with_room.to.stride < with_room.to.channels) with_room.made[i] = before;
    }
    with_room.run(finish, 1);
    CHECK(with_room.largest_error(finish, before) < rounding);
  }
}

TEST_CASE("a convolution by Winograd gives the same bits on any number of threads and in any batch") {
  if (!has_winograd()) return;
  const SplitterScope several(&split_by_threads);
  for (const std::int64_t in : {64, 256}) {
    Case two(in, 96, 2, {14, 14});
    two.run({}, 1);
    const auto expected = two.made;
    for (const int threads : {2, 3, 4}) {
      std::ranges::fill(two.made, untouched);
      two.run({}, threads);
      CHECK(two.made == expected);
    }
    two.from.batch = 1;
    two.to.batch = 1;
    std::ranges::fill(two.made, untouched);
    two.run({}, 1);
    CHECK(std::equal(two.made.begin(), two.made.begin() + 14 * 14 * 96, expected.begin()));
  }
}

TEST_CASE("a convolution by Winograd keeps NaN: a broken network must not look healthy") {
  if (!has_winograd()) return;
  Case broken(16, 16, 1, {4, 4});
  broken.read[0] = std::numeric_limits<float>::quiet_NaN();
  broken.run({false, true}, 1);
  CHECK(std::isnan(broken.made[0]));
  CHECK(std::isfinite(broken.made[Case::place(broken.to, 0, 3, 3, 0)]));
}

TEST_CASE("Winograd's convolution takes the shapes that its kernels are made for and no others") {
  if (!has_winograd()) return;
  CHECK(WinogradConv::suits({256, 256, 3, 1, 1}));
  CHECK(WinogradConv::suits({128, 32, 3, 1, 1}));
  CHECK_FALSE(WinogradConv::suits({64, 64, 1, 1, 0}));
  CHECK_FALSE(WinogradConv::suits({64, 64, 3, 2, 1}));
  CHECK_FALSE(WinogradConv::suits({64, 64, 3, 1, 0}));
  CHECK_FALSE(WinogradConv::suits({3, 64, 3, 1, 1}));
  CHECK_FALSE(WinogradConv::suits({64, 24, 3, 1, 1}));
  CHECK_FALSE(WinogradConv::suits({512, 512, 3, 1, 1}));
}

}  // namespace
}  // namespace mediscan::backend
