// A convolution of bytes, as one oneDNN operation on channels_last pictures: u8 activations, s8 weights with a scale
// for each output, sums in 32 bits, and convolution, + ReLU, or + residual + ReLU rounded back to u8 or left as
// float32. conv.hpp is its float sibling.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend/network/kernels.hpp"
#include "backend/network/weights.hpp"
#include "backend/torch/conv.hpp"
#include "backend/torch/device.hpp"
#include "backend/torch/tensor.hpp"

namespace mediscan::backend::torch {

/// Made in two steps as Conv is.
class QuantizedConv {
 public:
  QuantizedConv() = default;
  /// `name`.weight (I8), .weight_scale and .bias (F32, one an output); for bytes .output_scale and .output_zero_point.
  QuantizedConv(Weights& weights, const ConvShape& shape, const std::string& name, Gives gives = Gives::bytes);

  /// Packs the weights for pictures of this size and quantisation in each of the target's batches, and frees the plain
  /// ones. On a CPU that saturates (Target::narrow_weights) they are halved first, rounded to even, and their scales
  /// doubled. Returns the size of what comes out.
  Extent pack(const Target& target, Extent input, const Quantization& of_input);

  [[nodiscard]] Tensor operator()(const Tensor& input, Activation activation) const;
  /// relu(conv(input) + residual) in bytes, written over `residual` and returned. Only where it gives bytes.
  [[nodiscard]] Tensor add_relu(const Tensor& input, const Tensor& residual, const Quantization& of_residual) const;

  /// What the bytes that come out stand for; 1 and 0 where it gives floats.
  [[nodiscard]] const Quantization& output() const noexcept { return output_; }

 private:
  struct Packed {
    std::int64_t batch = 1;
    Tensor weight;
  };
  [[nodiscard]] const Tensor& weight_for(const Tensor& input) const;

  ConvShape shape_;
  Gives gives_ = Gives::bytes;
  Quantization input_;
  Quantization output_;
  std::vector<std::int8_t> plain_;  // OIHW, until packed
  std::vector<float> scales_;       // these three live as long as their views
  std::vector<float> bias_;
  std::vector<std::int64_t> zero_points_;  // all 0: weights are symmetric
  std::vector<Packed> packed_;             // by rising batch, as in Conv
  Tensor scales_view_;
  Tensor bias_view_;
  Tensor zero_points_view_;
};

}  // namespace mediscan::backend::torch
