// Convolutions of bytes against the same sums in whole numbers, written as plainly as can be.
#include "backend/torch/quantized_conv.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "errors.hpp"
#include "needs_libtorch.hpp"
#include "reference_network.hpp"
#include "whole_number_layer.hpp"

namespace mediscan::backend::torch {
namespace {

using test::contains;
using test::error_of;

using test::bytes;
using test::Layer;

Target target_for(bool narrow) {
  Target target;
  target.precision = Precision::int8;
  target.narrow_weights = narrow;
  target.channels_last = libtorch().aoti_torch_memory_format_channels_last();
  return target;
}

struct Packed {
  Packed(const Layer& layer, const Extent& extent, bool narrow, Gives gives = Gives::bytes)
      : file(test::safetensors(layer.tensors(gives))) {
    const WeightsView view{"m", "safetensors", "", std::as_bytes(std::span(file))};
    Weights weights({&view, 1});
    conv = QuantizedConv(weights, layer.shape, "c", gives);
    weights.check();
    conv.pack(target_for(narrow), extent, layer.input);
  }
  std::string file;
  QuantizedConv conv;
};

double largest_distance(const Tensor& found, const std::vector<double>& real, const Quantization& quantization) {
  return test::largest_distance(found.bytes(), real, quantization);
}

using test::rounded;

TEST_CASE("a convolution of bytes is the sum in whole numbers, rounded once") {
  if (!test::has_libtorch()) return;
  const Extent extent{9, 11};
  for (const ConvShape& shape : {ConvShape{16, 24, 1, 1, 0}, ConvShape{16, 24, 1, 2, 0}, ConvShape{16, 24, 3, 1, 1},
                                 ConvShape{32, 64, 3, 2, 1}, ConvShape{4, 5, 3, 1, 1}}) {
    CAPTURE(shape.in);
    CAPTURE(shape.kernel);
    CAPTURE(shape.stride);
    const Layer layer = Layer::drawn(shape, 63);
    auto data = bytes(extent.height * extent.width * shape.in);
    const Packed packed(layer, extent, false);
    const Tensor x = Tensor::view_nhwc(data.data(), {1, shape.in, extent.height, extent.width});
    auto real = layer.real(data, extent, false);
    CHECK(largest_distance(packed.conv(x, Activation::none), real, layer.output) <= rounded);
    for (double& value : real) value = std::max(0.0, value);
    CHECK(largest_distance(packed.conv(x, Activation::relu), real, layer.output) <= rounded);
  }
}

TEST_CASE("a convolution of bytes may give the real numbers themselves") {
  if (!test::has_libtorch()) return;
  const Extent extent{9, 11};
  for (const ConvShape& shape : {ConvShape{16, 24, 1, 1, 0}, ConvShape{24, 12, 3, 1, 1}}) {
    const Layer layer = Layer::drawn(shape, 63);
    auto data = bytes(extent.height * extent.width * shape.in);
    const Packed packed(layer, extent, false, Gives::floats);
    const Tensor x = Tensor::view_nhwc(data.data(), {1, shape.in, extent.height, extent.width});
    const Tensor y = packed.conv(x, Activation::none);
    const auto real = layer.real(data, extent, false);
    for (std::size_t i = 0; i < real.size(); ++i) CHECK(y.data()[i] == doctest::Approx(real[i]).epsilon(1e-5));
  }
}

TEST_CASE("a residual of another quantisation is added before the rounding") {
  if (!test::has_libtorch()) return;
  const Extent extent{6, 7};
  const Layer layer = Layer::drawn({16, 24, 1, 1, 0}, 63);
  const Quantization of_residual{0.031F, 99};
  auto data = bytes(extent.height * extent.width * 16);
  auto residual = bytes(extent.height * extent.width * 24, 8);
  auto real = layer.real(data, extent, false);
  for (std::size_t i = 0; i < real.size(); ++i) {
    real[i] = std::max(0.0, real[i] + double{of_residual.scale} * (residual[i] - of_residual.zero_point));
  }
  const Packed packed(layer, extent, false);
  const Tensor shortcut = Tensor::view_nhwc(residual.data(), {1, 24, extent.height, extent.width});
  const Tensor y =
      packed.conv.add_relu(Tensor::view_nhwc(data.data(), {1, 16, extent.height, extent.width}), shortcut, of_residual);
  CHECK(largest_distance(y, real, layer.output) <= rounded);
}

TEST_CASE("weights as large as can be do not saturate once they are narrowed") {
  if (!test::has_libtorch()) return;
  const Extent extent{4, 4};
  Layer layer = Layer::drawn({64, 16, 3, 1, 1}, 127);
  std::ranges::fill(layer.weight, std::int8_t{127});
  for (std::size_t i = 0; i < layer.weight.size() / 2; ++i) layer.weight[i] = -127;
  layer.input = {0.0001F, 0};
  std::vector<std::uint8_t> data(static_cast<std::size_t>(extent.height * extent.width * 64), 255);
  const Packed packed(layer, extent, true);
  const Tensor y = packed.conv(Tensor::view_nhwc(data.data(), {1, 64, extent.height, extent.width}), Activation::none);
  CHECK(largest_distance(y, layer.real(data, extent, true), layer.output) <= rounded);
}

TEST_CASE("this CPU is one that needs no narrowing, or gets it") {
  if (!test::has_libtorch()) return;
  const Target target = choose_target(find_devices({}), "cpu", "fp32");
  CHECK(target.narrow_weights == !this_cpu().vnni);
}

TEST_CASE("what is wrong with a quantised layer is told by the tensor's name") {
  const auto fault_of = [](auto&& change) {
    auto tensors = Layer::drawn({2, 2, 1, 1, 0}, 127).tensors();
    change(tensors);
    const std::string file = test::safetensors(tensors);
    const WeightsView view{"m", "safetensors", "", std::as_bytes(std::span(file))};
    return error_of([&] {
             Weights weights({&view, 1});
             const QuantizedConv conv(weights, {2, 2, 1, 1, 0}, "c");
             weights.check();
           })
        .message();
  };
  CHECK(contains(fault_of([](auto& t) { t[0].bytes[1] = '\x80'; }), "c.weight: holds -128, expected -127 to 127"));
  CHECK(contains(fault_of([](auto& t) { t[0].dtype = "U8"; }), "c.weight: found type U8, expected I8"));
  CHECK(contains(fault_of([](auto& t) { t[1].bytes.assign(8, '\0'); }),
                 "c.weight_scale: holds values that are not over 0"));
  CHECK(contains(fault_of([](auto& t) { t.erase(t.begin() + 2); }), "c.bias: missing, expected [2]"));
  CHECK(contains(fault_of([](auto& t) { t[3].bytes.assign(4, '\0'); }), "c.output_scale: 0 is not over 0"));
  CHECK(contains(fault_of([](auto& t) { t[4].dtype = "I8"; }), "c.output_zero_point: found type I8, expected U8"));
  CHECK(contains(fault_of([](auto& t) { t.pop_back(); }), "c.output_zero_point: missing, expected [1]"));
}

}  // namespace
}  // namespace mediscan::backend::torch
