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

namespace mediscan::backend::torch {
namespace {

using test::contains;
using test::error_of;

template <class T>
test::RawTensor tensor(const std::string& name, const char* dtype, std::vector<std::int64_t> shape,
                       const std::vector<T>& values) {
  return {name, dtype, std::move(shape), {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)}};
}

/// A layer's numbers, and the same layer in whole-number loops.
struct Layer {
  ConvShape shape;
  std::vector<std::int8_t> weight;
  std::vector<float> scale;
  std::vector<float> bias;
  Quantization input;
  Quantization output;

  static Layer drawn(const ConvShape& shape, int largest_weight, unsigned seed = 3) {
    Layer layer{shape, {}, {}, {}, {0.02F, 7}, {0.05F, 30}};
    std::mt19937 random(seed);
    const auto uniform = [&](int low, int high) {
      return low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
    };
    for (std::int64_t i = 0; i < shape.out * shape.in * shape.kernel * shape.kernel; ++i) {
      layer.weight.push_back(static_cast<std::int8_t>(uniform(-largest_weight, largest_weight)));
    }
    for (std::int64_t o = 0; o < shape.out; ++o) {
      layer.scale.push_back(static_cast<float>(uniform(10, 40)) * 1e-4F);
      layer.bias.push_back(static_cast<float>(uniform(-100, 100)) * 0.01F);
    }
    return layer;
  }

  [[nodiscard]] std::vector<test::RawTensor> tensors(Gives gives = Gives::bytes) const {
    std::vector<test::RawTensor> all{
        tensor("c.weight", "I8", {shape.out, shape.in, shape.kernel, shape.kernel}, weight),
        tensor("c.weight_scale", "F32", {shape.out}, scale), tensor("c.bias", "F32", {shape.out}, bias),
        tensor("c.output_scale", "F32", {1}, std::vector<float>{output.scale}),
        tensor("c.output_zero_point", "U8", {1},
               std::vector<std::uint8_t>{static_cast<std::uint8_t>(output.zero_point)})};
    if (gives == Gives::floats) all.resize(3);
    return all;
  }

  /// Real numbers before the last rounding, NHWC; `narrow` halves the weights first.
  [[nodiscard]] std::vector<double> real(const std::vector<std::uint8_t>& bytes, const Extent& in, bool narrow) const {
    const Extent out = in.after(shape.kernel, shape.stride, shape.padding);
    std::vector<double> result;
    for (std::int64_t at = 0; at < out.height * out.width; ++at) {
      for (std::int64_t o = 0; o < shape.out; ++o) {
        std::int64_t sum = 0;
        for (std::int64_t i = 0; i < shape.in; ++i) {
          for (std::int64_t k = 0; k < shape.kernel * shape.kernel; ++k) {
            const std::int64_t y = at / out.width * shape.stride - shape.padding + k / shape.kernel;
            const std::int64_t x = at % out.width * shape.stride - shape.padding + k % shape.kernel;
            if (y < 0 || y >= in.height || x < 0 || x >= in.width) continue;
            const double w = weight[static_cast<std::size_t>((o * shape.in + i) * shape.kernel * shape.kernel + k)];
            sum += static_cast<std::int64_t>(narrow ? std::nearbyint(w / 2) : w) *
                   (bytes[static_cast<std::size_t>((y * in.width + x) * shape.in + i)] - input.zero_point);
          }
        }
        const auto channel = static_cast<std::size_t>(o);
        const double factor = double{input.scale} * double{scale[channel]} * (narrow ? 2 : 1);
        result.push_back(static_cast<double>(sum) * factor + double{bias[channel]});
      }
    }
    return result;
  }
};

std::vector<std::uint8_t> bytes(std::int64_t count, unsigned seed = 5) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<std::uint8_t>(random() % 256));
  return values;
}

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

/// The largest distance of bytes from real numbers, in steps of the quantisation; 0.5 is a right rounding.
double largest_distance(const Tensor& found, const std::vector<double>& real, const Quantization& quantization) {
  double largest = 0;
  for (std::size_t i = 0; i < real.size(); ++i) {
    const double steps = std::clamp(real[i] / double{quantization.scale} + quantization.zero_point, 0.0, 255.0);
    largest = std::max(largest, std::abs(steps - found.bytes()[i]));
  }
  return largest;
}

constexpr double rounded = 0.5001;  // the real numbers are float32 inside

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
