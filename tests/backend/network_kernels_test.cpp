#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "backend/network/bfloat16.hpp"
#include "backend/network/kernels.hpp"
#include "errors.hpp"
#include "needs_libtorch.hpp"

namespace mediscan::backend::torch {
namespace {

/// Pictures with room behind each pixel's channels; the room holds `untouched`.
struct Pictures {
  static constexpr float untouched = -77.0F;

  Pictures(std::int64_t batch, std::int64_t height, std::int64_t width, std::int64_t channels, std::int64_t spare)
      : memory(static_cast<std::size_t>(batch * height * width * (channels + spare)), untouched),
        pixels{memory.data(), batch, height, width, channels, channels + spare} {}

  float& at(std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t c) {
    return memory[static_cast<std::size_t>(((n * pixels.height + y) * pixels.width + x) * pixels.stride + c)];
  }
  void for_each(const std::function<void(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>& body) const {
    for (std::int64_t n = 0; n < pixels.batch; ++n) {
      for (std::int64_t y = 0; y < pixels.height; ++y) {
        for (std::int64_t x = 0; x < pixels.width; ++x) {
          for (std::int64_t c = 0; c < pixels.channels; ++c) body(n, y, x, c);
        }
      }
    }
  }
  bool spare_is_untouched() {
    for (std::size_t i = 0; i < memory.size(); ++i) {
      const auto channel = static_cast<std::int64_t>(i) % pixels.stride;
      if (channel >= pixels.channels && memory[i] != untouched) return false;
    }
    return true;
  }

  std::vector<float> memory;
  Pixels pixels;
};

/// 2 pictures of 5 x 7 pixels, 11 channels and 3 spare, of small whole and half numbers so that float sums are exact.
Pictures source() {
  Pictures pictures(2, 5, 7, 11, 3);
  pictures.for_each([&](auto n, auto y, auto x, auto c) {
    pictures.at(n, y, x, c) = static_cast<float>((n * 31 + y * 17 + x * 5 + c * 3) % 23 - 11) * 0.5F;
  });
  return pictures;
}

const std::vector<float> scale{1, 2, -1, 0.5F, 4, 1, 1, -2, 1, 1, 8};
const std::vector<float> shift{0, 1, 2, -1, 0, -3, 0, 0, 4, 0, -8};

float activated(Pictures& from, std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t c) {
  const auto i = static_cast<std::size_t>(c);
  return std::max(0.0F, from.at(n, y, x, c) * scale[i] + shift[i]);
}

TEST_CASE("channels are copied beside others, which stay") {
  if (!test::has_libtorch()) return;
  Pictures from = source();
  Pictures to(2, 5, 7, 11, 6);
  copy_channels(from.pixels, to.pixels);
  to.for_each([&](auto n, auto y, auto x, auto c) { CHECK(to.at(n, y, x, c) == from.at(n, y, x, c)); });
  CHECK(to.spare_is_untouched());
}

TEST_CASE("affine_relu scales, shifts and cuts off each channel, and keeps NaN") {
  if (!test::has_libtorch()) return;
  Pictures from = source();
  from.at(1, 2, 3, 4) = std::nanf("");
  Pictures to(2, 5, 7, 11, 0);
  affine_relu(from.pixels, {scale, shift}, to.pixels);
  to.for_each([&](auto n, auto y, auto x, auto c) {
    if (n == 1 && y == 2 && x == 3 && c == 4) return;
    CHECK(to.at(n, y, x, c) == activated(from, n, y, x, c));
  });
  CHECK(std::isnan(to.at(1, 2, 3, 4)));
}

TEST_CASE("affine_relu_average2 averages after the activation and leaves an odd last row and column out") {
  if (!test::has_libtorch()) return;
  Pictures from = source();
  Pictures to(2, 2, 3, 11, 2);
  affine_relu_average2(from.pixels, {scale, shift}, to.pixels);
  to.for_each([&](auto n, auto y, auto x, auto c) {
    const float sum = activated(from, n, 2 * y, 2 * x, c) + activated(from, n, 2 * y, 2 * x + 1, c) +
                      activated(from, n, 2 * y + 1, 2 * x, c) + activated(from, n, 2 * y + 1, 2 * x + 1, c);
    CHECK(to.at(n, y, x, c) == sum / 4);
  });
  CHECK(to.spare_is_untouched());
}

TEST_CASE("max_pool3 takes the largest of each window, whose border never wins") {
  if (!test::has_libtorch()) return;
  for (const auto& [height, width] : {std::pair{5, 7}, std::pair{6, 4}, std::pair{1, 1}}) {
    Pictures from(2, height, width, 11, 3);
    from.for_each([&](auto n, auto y, auto x, auto c) {  // all negative: a border of zeros would show
      from.at(n, y, x, c) = -1.0F - static_cast<float>((n * 31 + y * 17 + x * 5 + c * 3) % 23);
    });
    Pictures to(2, (height + 1) / 2, (width + 1) / 2, 11, 4);
    max_pool3(from.pixels, to.pixels);
    to.for_each([&](auto n, auto y, auto x, auto c) {
      float largest = -std::numeric_limits<float>::infinity();
      for (auto sy = 2 * y - 1; sy <= 2 * y + 1; ++sy) {
        for (auto sx = 2 * x - 1; sx <= 2 * x + 1; ++sx) {
          if (sy >= 0 && sy < height && sx >= 0 && sx < width) largest = std::max(largest, from.at(n, sy, sx, c));
        }
      }
      CHECK(to.at(n, y, x, c) == largest);
    });
    CHECK(to.spare_is_untouched());
  }
}

TEST_CASE("max_pool3 to bytes takes the same maxima, to the nearest byte, halves to even, cut off at both ends") {
  if (!test::has_libtorch()) return;
  Pictures from = source();
  Pictures maxima(2, 3, 4, 11, 0);
  max_pool3(from.pixels, maxima.pixels);
  std::vector<std::uint8_t> bytes(maxima.memory.size());
  for (const Quantization& quantization : {Quantization{1, 5}, Quantization{0.01F, 100}, Quantization{0.3F, 0}}) {
    max_pool3(from.pixels, quantization, {bytes.data(), 2, 3, 4, 11});
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const float steps = std::nearbyint(maxima.memory[i] * (1 / quantization.scale));
      CHECK(bytes[i] == std::clamp(steps + static_cast<float>(quantization.zero_point), 0.0F, 255.0F));
    }
  }
}

/// The distance of a byte from the byte scale that `real` lies on, in steps; 0.5 is a right rounding.
double distance(std::uint8_t byte, double real, const Quantization& quantization) {
  return std::abs(byte - std::clamp(real / double{quantization.scale} + quantization.zero_point, 0.0, 255.0));
}

constexpr double rounded = 0.5001;  // the real numbers are float32 inside
const std::vector<Quantization> quantizations{{0.05F, 0}, {0.3F, 0}, {0.011F, 90}};

TEST_CASE("affine_relu to bytes is the nearest byte to the scaled, shifted and cut off number") {
  if (!test::has_libtorch()) return;
  Pictures from = source();
  std::vector<std::uint8_t> bytes(std::size_t{2} * 5 * 7 * 11 + 1, 7);
  for (const Quantization& quantization : quantizations) {
    affine_relu(from.pixels, {scale, shift}, quantization, {bytes.data(), 2, 5, 7, 11});
    std::size_t i = 0;
    from.for_each([&](auto n, auto y, auto x, auto c) {
      const auto channel = static_cast<std::size_t>(c);
      const double real = std::max(0.0, double{from.at(n, y, x, c)} * double{scale[channel]} + double{shift[channel]});
      CHECK(distance(bytes[i++], real, quantization) <= rounded);
    });
    CHECK(bytes.back() == 7);
  }
}

TEST_CASE("affine_relu_average2 to bytes is the nearest byte to the mean of the window") {
  if (!test::has_libtorch()) return;
  constexpr std::int64_t channels = 70;  // more than a block of them
  Pictures from(2, 5, 7, channels, 3);
  std::vector<float> factors(channels);
  std::vector<float> offsets(channels);
  for (std::size_t c = 0; c < factors.size(); ++c) {
    factors[c] = 0.25F * static_cast<float>(static_cast<int>(c % 9) - 4);
    offsets[c] = 0.5F * static_cast<float>(static_cast<int>(c % 7) - 3);
  }
  from.for_each([&](auto n, auto y, auto x, auto c) {
    from.at(n, y, x, c) = static_cast<float>((n * 31 + y * 17 + x * 5 + c * 3) % 23 - 11) * 0.5F;
  });
  std::vector<std::uint8_t> bytes(std::size_t{2} * 2 * 3 * channels);
  for (const Quantization& quantization : quantizations) {
    affine_relu_average2(from.pixels, {factors, offsets}, quantization, {bytes.data(), 2, 2, 3, channels});
    std::size_t i = 0;
    const Pictures shape(2, 2, 3, channels, 0);
    shape.for_each([&](auto n, auto y, auto x, auto c) {
      const auto channel = static_cast<std::size_t>(c);
      double sum = 0;
      for (const auto& [dy, dx] : {std::pair{0, 0}, std::pair{0, 1}, std::pair{1, 0}, std::pair{1, 1}}) {
        sum += std::max(
            0.0, double{from.at(n, 2 * y + dy, 2 * x + dx, c)} * double{factors[channel]} + double{offsets[channel]});
      }
      CHECK(distance(bytes[i++], sum / 4, quantization) <= rounded);
    });
  }
}

TEST_CASE("numbers become bytes and bytes numbers again, off by at most half a step within the range") {
  if (!test::has_libtorch()) return;
  std::vector<float> values;
  for (int i = -400; i <= 400; ++i) values.push_back(static_cast<float>(i) * 0.037F);
  std::vector<std::uint8_t> bytes(values.size());
  std::vector<float> again(values.size());
  const Quantization quantization{0.1F, 60};  // -6 to 19.5
  to_bytes(values, quantization, bytes.data());
  from_bytes(bytes, quantization, again.data());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CHECK(distance(bytes[i], values[i], quantization) <= rounded);
    CHECK(again[i] == doctest::Approx(0.1 * (bytes[i] - 60)));
  }
}

TEST_CASE("float32 is rounded to the nearest bfloat16, halves to even") {
  if (!test::has_libtorch()) return;
  const auto of = [](std::uint32_t bits) {
    std::uint16_t half = 0;
    const float value = std::bit_cast<float>(bits);
    to_bfloat16({&value, 1}, &half);
    return half;
  };
  CHECK(of(0x3F80'0000) == 0x3F80);
  CHECK(of(0x3F80'7FFF) == 0x3F80);
  CHECK(of(0x3F80'8000) == 0x3F80);  // between two: the even one
  CHECK(of(0x3F81'8000) == 0x3F82);
  CHECK(of(0x3F80'8001) == 0x3F81);
  CHECK(of(0xBF80'8001) == 0xBF81);
  CHECK(of(0x7F7F'FFFF) == 0x7F80);  // the largest float32 is beyond the largest bfloat16
  CHECK(of(0xFF80'0000) == 0xFF80);
  CHECK(of(0x0000'0001) == 0);
  for (const std::uint32_t nan : {0x7F80'0001U, 0x7FFF'FFFFU, 0xFFFF'FFFFU, 0x7FC0'0000U}) {
    CHECK((of(nan) & 0x7F80U) == 0x7F80U);
    CHECK((of(nan) & 0x7FU) != 0);
  }
}

TEST_CASE("pooling and means of bfloat16 are those of the same numbers in float32") {
  if (!test::has_libtorch()) return;
  Pictures from(2, 5, 7, 11, 0);
  from.for_each([&](auto n, auto y, auto x, auto c) {
    from.at(n, y, x, c) = static_cast<float>((n * 31 + y * 17 + x * 5 + c * 3) % 23) * 0.37F;
  });
  std::vector<std::uint16_t> halves(from.memory.size());
  to_bfloat16(from.memory, halves.data());
  for (std::size_t i = 0; i < halves.size(); ++i)
    from.memory[i] = std::bit_cast<float>(std::uint32_t{halves[i]} << 16U);
  const HalfPixels pixels{halves.data(), from.pixels.batch, from.pixels.height, from.pixels.width,
                          from.pixels.channels};
  Pictures maxima(2, 3, 4, 11, 0);
  max_pool3(from.pixels, maxima.pixels);
  std::vector<std::uint16_t> found(maxima.memory.size());
  max_pool3(pixels, {found.data(), 2, 3, 4, 11});
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(std::bit_cast<float>(std::uint32_t{found[i]} << 16U) == maxima.memory[i]);
  }
  std::vector<float> means(22);
  std::vector<float> expected(22);
  mean_pixels(pixels, means.data());
  mean_pixels(from.pixels, expected.data());
  CHECK(means == expected);
}

/// `pictures` with every number rounded to bfloat16, and the same as halves with the same room between pixels.
std::vector<std::uint16_t> round_to_halves(Pictures& pictures) {
  std::vector<std::uint16_t> halves(pictures.memory.size());
  to_bfloat16(pictures.memory, halves.data());
  for (std::size_t i = 0; i < halves.size(); ++i) pictures.memory[i] = from_bfloat16(halves[i]);
  return halves;
}

HalfPixels halves_like(const Pixels& pixels, std::uint16_t* halves) {
  return {halves, pixels.batch, pixels.height, pixels.width, pixels.channels, pixels.stride};
}

std::uint16_t rounded_half(double value) { return rounded_to_bfloat16(static_cast<float>(value)); }

TEST_CASE("activations of bfloat16 are computed in float32 and rounded once, and NaN is kept") {
  if (!test::has_libtorch()) return;
  Pictures from(2, 5, 7, 11, 3);
  from.for_each([&](auto n, auto y, auto x, auto c) {
    from.at(n, y, x, c) = static_cast<float>((n * 31 + y * 17 + x * 5 + c * 3) % 23 - 11) * 0.37F;
  });
  from.at(1, 2, 3, 4) = std::nanf("");
  auto halves = round_to_halves(from);
  Pictures place(2, 5, 7, 11, 5);
  std::vector<std::uint16_t> found(place.memory.size(), 0x7777);
  affine_relu(halves_like(from.pixels, halves.data()), {scale, shift}, halves_like(place.pixels, found.data()));
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto pixel = static_cast<std::int64_t>(i) / place.pixels.stride;
    const auto c = static_cast<std::int64_t>(i) % place.pixels.stride;
    if (c >= 11) {
      CHECK(found[i] == 0x7777);
    } else if (pixel == (1 * 5 + 2) * 7 + 3 && c == 4) {
      CHECK(std::isnan(from_bfloat16(found[i])));
    } else {
      CHECK(found[i] == rounded_half(activated(from, 0, 0, pixel, c)));
    }
  }
}

TEST_CASE("averages, means and maxima of bfloat16 with room between pixels are those of the same numbers in float32") {
  if (!test::has_libtorch()) return;
  Pictures from = source();  // of whole and half numbers: sums are exact
  auto halves = round_to_halves(from);
  const HalfPixels pixels = halves_like(from.pixels, halves.data());
  Pictures averaged(2, 2, 3, 11, 2);
  std::vector<std::uint16_t> found(averaged.memory.size(), 0x7777);
  affine_relu_average2(from.pixels, {scale, shift}, averaged.pixels);
  affine_relu_average2(pixels, {scale, shift}, halves_like(averaged.pixels, found.data()));
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool spare = static_cast<std::int64_t>(i) % averaged.pixels.stride >= 11;
    CHECK(found[i] == (spare ? 0x7777 : rounded_half(averaged.memory[i])));
  }
  std::vector<float> means(22);
  std::vector<float> expected(22);
  affine_relu_mean(pixels, {scale, shift}, means.data());
  affine_relu_mean(from.pixels, {scale, shift}, expected.data());
  CHECK(means == expected);
  for (float& value : from.memory) value = std::abs(value);
  halves = round_to_halves(from);
  Pictures maxima(2, 3, 4, 11, 4);
  found.assign(maxima.memory.size(), 0x7777);
  max_pool3(from.pixels, maxima.pixels);
  max_pool3(halves_like(from.pixels, halves.data()), halves_like(maxima.pixels, found.data()));
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool spare = static_cast<std::int64_t>(i) % maxima.pixels.stride >= 11;
    CHECK(found[i] == (spare ? 0x7777 : rounded_half(maxima.memory[i])));
  }
  Pictures place(2, 5, 7, 11, 6);
  found.assign(place.memory.size(), 0x7777);
  copy_channels(halves_like(from.pixels, halves.data()), halves_like(place.pixels, found.data()));
  place.for_each([&](auto n, auto y, auto x, auto c) {
    const auto i = static_cast<std::size_t>(((n * 5 + y) * 7 + x) * place.pixels.stride + c);
    CHECK(from_bfloat16(found[i]) == from.at(n, y, x, c));
  });
}

TEST_CASE("means of bytes are of what the bytes stand for") {
  if (!test::has_libtorch()) return;
  std::vector<std::uint8_t> bytes(std::size_t{2} * 3 * 2 * 5);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 41);
  std::vector<float> means(10);
  mean_pixels({bytes.data(), 2, 3, 2, 5}, {0.25F, 17}, means.data());
  for (std::size_t picture = 0; picture < 2; ++picture) {
    for (std::size_t c = 0; c < 5; ++c) {
      double sum = 0;
      for (std::size_t at = 0; at < 6; ++at) sum += 0.25 * (bytes[(picture * 6 + at) * 5 + c] - 17.0);
      CHECK(means[picture * 5 + c] == doctest::Approx(sum / 6));
    }
  }
}

TEST_CASE("infinities and NaNs are found wherever they stand, large and tiny numbers are neither") {
  std::vector<float> values(100, std::numeric_limits<float>::max());
  values[7] = std::numeric_limits<float>::denorm_min();
  CHECK(all_finite(values));
  CHECK(all_finite({}));
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t where : {std::size_t{0}, std::size_t{50}, std::size_t{99}}) {
      auto changed = values;
      changed[where] = bad;
      CHECK_FALSE(all_finite(changed));
    }
  }
}

TEST_CASE("means are over the pixels of each picture alone") {
  if (!test::has_libtorch()) return;
  Pictures from = source();
  std::vector<float> plain(2 * 11);
  std::vector<float> after(2 * 11);
  mean_pixels(from.pixels, plain.data());
  affine_relu_mean(from.pixels, {scale, shift}, after.data());
  for (std::int64_t n = 0; n < 2; ++n) {
    for (std::int64_t c = 0; c < 11; ++c) {
      float sum = 0;
      float active = 0;
      for (std::int64_t i = 0; i < 35; ++i) {
        sum += from.at(n, i / 7, i % 7, c);
        active += activated(from, n, i / 7, i % 7, c);
      }
      CHECK(plain[static_cast<std::size_t>(n * 11 + c)] == doctest::Approx(sum / 35).epsilon(1e-6));
      CHECK(after[static_cast<std::size_t>(n * 11 + c)] == doctest::Approx(active / 35).epsilon(1e-6));
    }
  }
}

TEST_CASE("scratch memory grows, is aligned, and stays where it is for smaller requests") {
  Scratch scratch;
  float* const small = scratch.reserve(100);
  CHECK(reinterpret_cast<std::uintptr_t>(small) % 64 == 0);
  CHECK(scratch.reserve(50) == small);
  float* const large = scratch.reserve(1'000'000);
  large[999'999] = 1;
  CHECK(scratch.reserve(1'000'000) == large);
  const Error error = test::error_of([&] { scratch.reserve(std::int64_t{1} << 55); });
  CHECK(error.code() == ErrorCode::out_of_memory);
}

}  // namespace
}  // namespace mediscan::backend::torch
