// Residual networks whose weights were quantised beforehand (docs/bundle.md has their tensors): the stem and the last
// layer in float32, everything between on bytes.
#pragma once

#include <atomic>
#include <cstdint>

#include "backend/torch/conv.hpp"
#include "backend/torch/kernels.hpp"
#include "backend/torch/linear.hpp"
#include "backend/torch/quantized_conv.hpp"
#include "backend/torch/residual.hpp"
#include "backend/torch/resnet_config.hpp"

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
  Conv stem_;
  Quantization pooled_quantization_;  // of what the first stage takes
  ResidualStages<QuantizedConv> stages_;
  Linear head_;
  Scratch pooled_;  // bytes
  Scratch features_;
};

}  // namespace mediscan::backend::torch
