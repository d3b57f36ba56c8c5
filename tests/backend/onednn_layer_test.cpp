// Convolutions of bytes by oneDNN against the same sums in whole numbers, and what plans keep and share.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "backend/onednn/plan.hpp"
#include "backend/onednn/thread_scope.hpp"
#include "errors.hpp"
#include "needs_onednn.hpp"
#include "whole_number_layer.hpp"

namespace mediscan::backend::onednn {
namespace {

using test::contains;
using test::rounded;

const std::atomic<bool> not_cancelled{false};

Layer taken(const test::Layer& drawn, bool narrow, Gives gives = Gives::bytes) {
  const std::string file = test::safetensors(drawn.tensors(gives));
  const WeightsView view{"m", "safetensors", "", std::as_bytes(std::span(file))};
  Weights weights({&view, 1});
  Layer layer = Layer::of_quantized(weights, drawn.shape, "c", gives, narrow);
  weights.check();
  return layer;
}

/// One layer, run by a plan of its own. What it gives stays in the arena.
class Run {
 public:
  Run(const test::Layer& drawn, const Extent& extent, bool narrow = false, Gives gives = Gives::bytes)
      : layer_(taken(drawn, narrow, gives)), in_{Slot::first,  1,          drawn.shape.in, extent.height, extent.width,
                                                 DataType::u8, drawn.input} {
    arena_.reserve(Slot::first, in_.bytes());
  }

  void convolve(const std::vector<std::uint8_t>& pixels, bool relu) {
    std::ranges::copy(pixels, in_.raw_bytes(arena_).data());
    out_ = plan_.add(layer_, in_, relu, Slot::second);
    plan_.run(nullptr, nullptr, not_cancelled);
  }

  void convolve_onto(const std::vector<std::uint8_t>& pixels, const std::vector<std::uint8_t>& residual,
                     const Quantization& quantization) {
    std::ranges::copy(pixels, in_.raw_bytes(arena_).data());
    out_ = in_;
    out_.slot = Slot::second;
    out_.channels = layer_.shape.out;
    out_.quantization = quantization;
    arena_.reserve(Slot::second, out_.bytes());
    std::ranges::copy(residual, out_.raw_bytes(arena_).data());
    out_ = plan_.add_onto(layer_, in_, out_);
    plan_.run(nullptr, nullptr, not_cancelled);
  }

  [[nodiscard]] const std::uint8_t* bytes() const { return out_.raw_bytes(arena_).data(); }
  [[nodiscard]] std::span<const float> floats() const { return out_.floats(arena_); }

 private:
  ThreadScope scope_{2};
  Processor processor_;
  Arena arena_;
  Layer layer_;
  Activation in_;
  Activation out_;
  Plan plan_{processor_, arena_, 2};
};

TEST_CASE("onednn: a convolution of bytes is the sum in whole numbers, rounded once") {
  if (!test::has_onednn()) return;
  const Extent extent{9, 11};
  for (const ConvShape& shape : {ConvShape{16, 24, 1, 1, 0}, ConvShape{16, 24, 1, 2, 0}, ConvShape{16, 24, 3, 1, 1},
                                 ConvShape{32, 64, 3, 2, 1}, ConvShape{4, 5, 3, 1, 1}}) {
    CAPTURE(shape.in);
    CAPTURE(shape.kernel);
    CAPTURE(shape.stride);
    const auto drawn = test::Layer::drawn(shape, 63);
    const auto pixels = test::bytes(extent.height * extent.width * shape.in);
    auto real = drawn.real(pixels, extent, false);
    Run plain(drawn, extent);
    plain.convolve(pixels, false);
    CHECK(test::largest_distance(plain.bytes(), real, drawn.output) <= rounded);
    for (double& value : real) value = std::max(0.0, value);
    Run with_relu(drawn, extent);
    with_relu.convolve(pixels, true);
    CHECK(test::largest_distance(with_relu.bytes(), real, drawn.output) <= rounded);
  }
}

TEST_CASE("onednn: a convolution of bytes may give the real numbers themselves") {
  if (!test::has_onednn()) return;
  const Extent extent{9, 11};
  for (const ConvShape& shape : {ConvShape{16, 24, 1, 1, 0}, ConvShape{24, 12, 3, 1, 1}}) {
    const auto drawn = test::Layer::drawn(shape, 63);
    const auto pixels = test::bytes(extent.height * extent.width * shape.in);
    const auto real = drawn.real(pixels, extent, false);
    Run run(drawn, extent, false, Gives::floats);
    run.convolve(pixels, false);
    REQUIRE(run.floats().size() == real.size());
    for (std::size_t i = 0; i < real.size(); ++i) CHECK(run.floats()[i] == doctest::Approx(real[i]).epsilon(1e-5));
  }
}

TEST_CASE("onednn: a residual of another quantisation is added before the rounding") {
  if (!test::has_onednn()) return;
  const Extent extent{6, 7};
  const auto drawn = test::Layer::drawn({16, 24, 1, 1, 0}, 63);
  const Quantization of_residual{0.031F, 99};
  const auto pixels = test::bytes(extent.height * extent.width * 16);
  const auto residual = test::bytes(extent.height * extent.width * 24, 8);
  auto real = drawn.real(pixels, extent, false);
  for (std::size_t i = 0; i < real.size(); ++i)
    real[i] = std::max(0.0, real[i] + double{of_residual.scale} * (residual[i] - of_residual.zero_point));
  Run run(drawn, extent);
  run.convolve_onto(pixels, residual, of_residual);
  CHECK(test::largest_distance(run.bytes(), real, drawn.output) <= rounded);
}

TEST_CASE("onednn: weights as large as can be do not saturate once they are narrowed") {
  if (!test::has_onednn()) return;
  const Extent extent{4, 4};
  auto drawn = test::Layer::drawn({64, 16, 3, 1, 1}, 127);
  std::ranges::fill(drawn.weight, std::int8_t{127});
  for (std::size_t i = 0; i < drawn.weight.size() / 2; ++i) drawn.weight[i] = -127;
  drawn.input = {0.0001F, 0};
  const std::vector<std::uint8_t> pixels(static_cast<std::size_t>(extent.height * extent.width * 64), 255);
  Run run(drawn, extent, true);
  run.convolve(pixels, false);
  CHECK(test::largest_distance(run.bytes(), drawn.real(pixels, extent, true), drawn.output) <= rounded);
}

TEST_CASE("onednn: what is wrong with a quantised layer is told by the tensor's name") {
  const auto fault_of = [](auto&& change) {
    auto tensors = test::Layer::drawn({2, 2, 1, 1, 0}, 127).tensors();
    change(tensors);
    const std::string file = test::safetensors(tensors);
    const WeightsView view{"m", "safetensors", "", std::as_bytes(std::span(file))};
    return test::error_of([&] {
             Weights weights({&view, 1});
             const Layer layer = Layer::of_quantized(weights, {2, 2, 1, 1, 0}, "c", Gives::bytes, false);
             weights.check();
           })
        .message();
  };
  CHECK(contains(fault_of([](auto& t) { t[0].bytes[1] = '\x80'; }), "c.weight: holds -128, expected -127 to 127"));
  CHECK(contains(fault_of([](auto& t) { t[1].bytes.assign(8, '\0'); }),
                 "c.weight_scale: holds values that are not over 0"));
  CHECK(contains(fault_of([](auto& t) { t.erase(t.begin() + 2); }), "c.bias: missing, expected [2]"));
  CHECK(contains(fault_of([](auto& t) { t.pop_back(); }), "c.output_zero_point: missing, expected [1]"));
}

TEST_CASE("onednn: an order of weights is made once, and one made of another holds the same numbers") {
  if (!test::has_onednn()) return;
  const Processor processor;
  const std::vector<std::int64_t> sizes{24, 16, 3, 3};
  std::vector<float> plain(std::size_t{24} * 16 * 9);
  for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = static_cast<float>(i) - 700.0F;
  Packing packing(plain, sizes);
  const Description channels_last = nhwc(sizes, DataType::f32);
  dnnl_memory* const first = packing.in_order(channels_last.get(), processor);
  CHECK(packing.in_order(channels_last.get(), processor) == first);
  CHECK(packing.bytes() == plain.size() * sizeof(float));  // the plain ones are gone
  const Description row_major = dense(sizes, DataType::f32);
  CHECK(packing.in_order(row_major.get(), processor) != first);
  CHECK(packing.bytes() == 2 * plain.size() * sizeof(float));
  CHECK(packing.in_order(channels_last.get(), processor) == first);
}

TEST_CASE("onednn: a slot that cannot grow keeps what it had") {
  Arena arena;
  arena.reserve(Slot::first, 100);
  void* const before = arena.at(Slot::first);
  const auto generation = arena.generation();
  constexpr std::size_t beyond_every_memory = std::size_t{1} << 60U;
  const Error error = test::error_of([&] { arena.reserve(Slot::first, beyond_every_memory); });
  CHECK(error.code() == ErrorCode::out_of_memory);
  CHECK(arena.at(Slot::first) == before);
  CHECK(arena.generation() == generation);
  CHECK(arena.bytes() == 100);
  arena.reserve(Slot::first, 50);
  CHECK(arena.generation() == generation);
}

TEST_CASE("onednn: what oneDNN answers becomes an error of its kind") {
  CHECK_NOTHROW(check(success, "a thing"));
  CHECK(test::error_of([] { check(out_of_memory, "a thing"); }).code() == ErrorCode::out_of_memory);
  const Error no_kernel = test::error_of([] { check(unimplemented, "a convolution"); });
  CHECK(no_kernel.code() == ErrorCode::unsupported);
  CHECK(contains(no_kernel.message(), "no kernel for a convolution"));
  const Error other = test::error_of([] { check(2, "a thing"); });
  CHECK(other.code() == ErrorCode::backend_failed);
  CHECK(contains(other.message(), "a thing: status 2"));
}

}  // namespace
}  // namespace mediscan::backend::onednn
