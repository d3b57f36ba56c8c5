// Residual networks (He et al., "Deep Residual Learning for Image Recognition", 2015) as torchvision has them, stride
// in the 3x3 convolution.
#pragma once

#include <mediscan/bundle.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/torch/conv.hpp"
#include "backend/torch/kernels.hpp"
#include "backend/torch/linear.hpp"

namespace mediscan::backend::torch {

struct ResNetConfig {
  bool bottleneck = false;
  std::array<std::uint32_t, 4> layers{};
  std::int64_t width = 64;  // channels of the stem; stage i computes in width x 2^i
  std::int64_t in_channels = 3;
  std::int64_t outputs = 0;

  /// Nothing when `architecture` names no ResNet. Throws BUNDLE_INVALID for numbers that make none.
  static std::optional<ResNetConfig> from(const Architecture& architecture);
};

class ResNet {
 public:
  /// Takes the tensors that torchvision's ResNet.state_dict() has. Weights::check() tells whether all were there.
  ResNet(Weights& weights, const ResNetConfig& config);

  /// Makes it runnable; `input` is the size that weights are packed for, others work.
  void pack(const Target& target, Extent input);

  /// `pictures` is channels_last; writes batch x outputs logits.
  void run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled);

  /// Smallest height and width that leaves a pixel everywhere.
  [[nodiscard]] static std::int64_t minimum_side() noexcept { return 1; }

 private:
  struct Block {
    std::vector<Conv> convs;  // the last one adds the shortcut
    std::optional<Conv> downsample;
  };
  static Block take_block(Weights& weights, const std::string& name, bool bottleneck, std::int64_t in,
                          std::int64_t planes, std::int64_t stride);
  static Tensor run_block(const Block& block, const Tensor& x);

  Conv stem_;
  std::vector<std::vector<Block>> stages_;
  Linear head_;
  Scratch pooled_;
  Scratch features_;
};

}  // namespace mediscan::backend::torch
