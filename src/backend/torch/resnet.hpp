// Residual networks (He et al., "Deep Residual Learning for Image Recognition", 2015) as torchvision has them, stride
// in the 3x3 convolution.
#pragma once

#include <atomic>
#include <cstdint>

#include "backend/network/kernels.hpp"
#include "backend/network/residual.hpp"
#include "backend/network/resnet_config.hpp"
#include "backend/torch/conv.hpp"
#include "backend/torch/linear.hpp"

namespace mediscan::backend::torch {

class ResNet {
 public:
  /// Takes the tensors that torchvision's ResNet.state_dict() has. Weights::check() tells whether all were there.
  ResNet(Weights& weights, const ResNetConfig& config);

  /// Makes it runnable in the target's precision, fp32 or bf16; `input` is the size that weights are packed for, others
  /// work.
  void pack(const Target& target, Extent input);

  /// `pictures` is float32 and channels_last; writes batch x outputs logits.
  void run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled);

  /// Smallest height and width that leaves a pixel everywhere.
  [[nodiscard]] static std::int64_t minimum_side() noexcept { return 1; }

 private:
  /// What the first stage takes.
  Tensor begin(const Tensor& pictures);
  Tensor begin_in_bf16(const Tensor& pictures);

  Conv stem_;
  ResidualStages<Conv> stages_;
  Linear head_;  // in float32
  Precision precision_ = Precision::fp32;
  Scratch pictures_;  // of bfloat16
  Scratch pooled_;
  Scratch features_;
};

}  // namespace mediscan::backend::torch
