// Residual networks whose weights were quantised beforehand (docs/bundle.md has their tensors): the stem and the last
// layer in float32, everything between on bytes, but for the blocks that the bundle keeps in float32.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "backend/network/kernels.hpp"
#include "backend/network/residual.hpp"
#include "backend/network/resnet_config.hpp"
#include "backend/torch/conv.hpp"
#include "backend/torch/linear.hpp"
#include "backend/torch/mixed_conv.hpp"

namespace mediscan::backend::torch {

class QuantizedResNet {
 public:
  /// Takes its tensors. Weights::check() tells whether all were there.
  QuantizedResNet(Weights& weights, const ResNetConfig& config);

  /// Makes it runnable; `input` is the size that weights are packed for, others work.
  void pack(const Target& target, Extent input);

  /// `pictures` is float32 and channels_last; writes batch x outputs logits.
  void run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled);

  /// Smallest height and width that leaves a pixel everywhere.
  [[nodiscard]] static std::int64_t minimum_side() noexcept { return 1; }

 private:
  /// A convolution, and what the bytes of its output stand for, or would if they were made.
  struct Layer {
    MixedConv conv;
    Quantization output;
  };
  using Block = ResidualBlock<Layer>;

  /// What one block hands to the next: bytes and what they stand for, or float32 and what bytes made of it stand for.
  struct Between {
    Tensor x;
    Quantization quantization;
    bool bytes = true;
  };

  Between begin(const Tensor& pictures);
  Between run_block(const Block& block, const Between& in);
  static Tensor run_in_bytes(const Block& block, const Tensor& x, const Quantization& quantization);
  static Tensor run_in_floats(const Block& block, const Tensor& x);
  Tensor as_bytes(const Between& in);
  Tensor as_floats(const Between& in);

  Conv stem_;
  Quantization pooled_quantization_;  // of what the first stage takes
  ResidualStages<Layer> stages_;
  Linear head_;
  Scratch pooled_;  // bytes
  Scratch bytes_;   // made of a kept block's output
  Scratch floats_;  // made for a kept block
  Scratch features_;
};

}  // namespace mediscan::backend::torch
