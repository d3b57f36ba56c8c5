// The loops of one pixel: each set against plain double arithmetic, and all sets against each other.
#include "backend/network/row_kernels.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "backend/cpu.hpp"
#include "backend/network/bfloat16.hpp"

namespace mediscan::backend::torch {
namespace {

/// The sets that this machine can run.
std::vector<const RowKernels*> sets() {
  std::vector<const RowKernels*> found{&portable_row_kernels()};
#if defined(__x86_64__)
  if (this_cpu().avx2) found.push_back(&avx2_row_kernels());
#endif
  return found;
}

/// A pixel's channels and what is done to them; one more number stands behind each result.
struct Row {
  explicit Row(std::size_t count) : from(count), halves(count), scale(count), shift(count) {
    std::mt19937 random(static_cast<unsigned>(count));
    const auto uniform = [&](float low, float high) {
      return low + (high - low) * static_cast<float>(random() % 100001U) / 100000.0F;
    };
    for (std::size_t c = 0; c < count; ++c) {
      from[c] = uniform(-9, 9);
      halves[c] = rounded_to_bfloat16(uniform(-9, 9));
      scale[c] = uniform(-2, 2);
      shift[c] = uniform(-3, 3);
    }
  }
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(from.size()); }
  [[nodiscard]] double activated(std::size_t c, double x) const {
    return std::max(0.0, x * double{scale[c]} + double{shift[c]});
  }

  std::vector<float> from;
  std::vector<std::uint16_t> halves;
  std::vector<float> scale;
  std::vector<float> shift;
};

constexpr std::uint8_t untouched = 99;
constexpr double rounded = 0.5001;  // of a byte; the numbers are float32 inside
const std::vector<std::size_t> counts{1, 2, 7, 8, 9, 15, 16, 23, 64, 67};

TEST_CASE("bytes are the nearest to the numbers, cut off at both ends, in every set") {
  for (const RowKernels* kernels : sets()) {
    CAPTURE(kernels->name);
    for (const std::size_t count : counts) {
      const Row row(count);
      for (const ToBytes bytes : {ToBytes{20, 0}, ToBytes{3.7F, 128}, ToBytes{300, 17}}) {
        std::vector<std::uint8_t> plain(count + 1, untouched);
        std::vector<std::uint8_t> active(count + 1, untouched);
        kernels->to_bytes(row.from.data(), bytes, plain.data(), row.count());
        kernels->affine_relu_to_bytes(row.from.data(), row.scale.data(), row.shift.data(), bytes, active.data(),
                                      row.count());
        for (std::size_t c = 0; c < count; ++c) {
          const auto distance = [&](std::uint8_t byte, double real) {
            return std::abs(byte - std::clamp(real * bytes.inverse_scale + bytes.zero_point, 0.0, 255.0));
          };
          // A step of 1/300 is near float32's own rounding of numbers up to 21.
          const double bound = bytes.inverse_scale > 100 ? 0.501 : rounded;
          CHECK(distance(plain[c], row.from[c]) <= bound);
          CHECK(distance(active[c], row.activated(c, row.from[c])) <= bound);
        }
        CHECK(plain.back() == untouched);
        CHECK(active.back() == untouched);
      }
    }
  }
}

TEST_CASE("activations of bfloat16 are as near as its eight bits allow, and sums as float32 allows, in every set") {
  for (const RowKernels* kernels : sets()) {
    CAPTURE(kernels->name);
    for (const std::size_t count : counts) {
      const Row row(count);
      std::vector<std::uint16_t> active(count + 1, untouched);
      std::vector<float> sums(count + 1, 0.5F);
      kernels->affine_relu_bf16(row.halves.data(), row.scale.data(), row.shift.data(), active.data(), row.count());
      kernels->add_affine_relu_bf16(row.halves.data(), row.scale.data(), row.shift.data(), sums.data(), row.count());
      for (std::size_t c = 0; c < count; ++c) {
        const double real = row.activated(c, from_bfloat16(row.halves[c]));
        CHECK(std::abs(from_bfloat16(active[c]) - real) <= real * 0x1p-8 + 1e-6);
        CHECK(sums[c] == doctest::Approx(0.5 + real).epsilon(1e-6));
      }
      CHECK(active.back() == untouched);
      CHECK(sums.back() == 0.5F);
    }
  }
}

TEST_CASE("all sets give the same numbers, of NaN and infinities too") {
  for (const RowKernels* kernels : sets()) {
    CAPTURE(kernels->name);
    Row row(67);
    row.from[3] = row.from[66] = std::numeric_limits<float>::quiet_NaN();
    row.from[4] = std::numeric_limits<float>::infinity();
    row.from[5] = -std::numeric_limits<float>::infinity();
    row.halves[3] = row.halves[66] = 0x7F81;  // NaN
    row.halves[4] = 0x7F80;                   // infinity
    row.halves[5] = 0xFF80;
    const auto all_of = [&](const RowKernels& set) {
      std::vector<std::uint8_t> bytes(2 * row.from.size());
      std::vector<std::uint16_t> halves(row.from.size());
      std::vector<float> sums(row.from.size());
      const ToBytes to{20, 3};
      set.to_bytes(row.from.data(), to, bytes.data(), row.count());
      set.affine_relu_to_bytes(row.from.data(), row.scale.data(), row.shift.data(), to, bytes.data() + row.count(),
                               row.count());
      set.affine_relu_bf16(row.halves.data(), row.scale.data(), row.shift.data(), halves.data(), row.count());
      set.add_affine_relu_bf16(row.halves.data(), row.scale.data(), row.shift.data(), sums.data(), row.count());
      std::vector<std::uint32_t> all(bytes.begin(), bytes.end());
      all.insert(all.end(), halves.begin(), halves.end());
      for (const float sum : sums) all.push_back(std::isnan(sum) ? 0x7FC0'0000U : std::bit_cast<std::uint32_t>(sum));
      CHECK(bytes[3] == 0);
      CHECK(std::isnan(from_bfloat16(halves[3])));
      CHECK(std::isnan(sums[66]));
      return all;
    };
    CHECK(all_of(*kernels) == all_of(portable_row_kernels()));
  }
}

TEST_CASE("this processor gets the widest set that it can run") { CHECK(row_kernels().name == sets().back()->name); }

}  // namespace
}  // namespace mediscan::backend::torch
