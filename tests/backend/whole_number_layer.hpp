// A convolution of bytes in whole-number loops, written as plainly as can be, and its tensors.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "backend/torch/conv.hpp"
#include "backend/torch/quantized_conv.hpp"
#include "reference_network.hpp"

namespace mediscan::test {

using backend::ConvShape;
using backend::Extent;
using backend::Gives;
using backend::Quantization;

template <class T>
RawTensor tensor(const std::string& name, const char* dtype, std::vector<std::int64_t> shape,
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

  [[nodiscard]] std::vector<RawTensor> tensors(Gives gives = Gives::bytes) const {
    std::vector<RawTensor> all{tensor("c.weight", "I8", {shape.out, shape.in, shape.kernel, shape.kernel}, weight),
                               tensor("c.weight_scale", "F32", {shape.out}, scale),
                               tensor("c.bias", "F32", {shape.out}, bias),
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

inline std::vector<std::uint8_t> bytes(std::int64_t count, unsigned seed = 5) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<std::uint8_t>(random() % 256));
  return values;
}

/// The largest distance of bytes from real numbers, in steps of the quantisation; 0.5 is a right rounding.
inline double largest_distance(const std::uint8_t* found, const std::vector<double>& real,
                               const Quantization& quantization) {
  double largest = 0;
  for (std::size_t i = 0; i < real.size(); ++i) {
    const double steps = std::clamp(real[i] / double{quantization.scale} + quantization.zero_point, 0.0, 255.0);
    largest = std::max(largest, std::abs(steps - found[i]));
  }
  return largest;
}

inline constexpr double rounded = 0.5001;  // the real numbers are float32 inside

}  // namespace mediscan::test
