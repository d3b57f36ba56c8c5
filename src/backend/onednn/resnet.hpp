// Residual networks as backend/torch/resnet.hpp and quantized_resnet.hpp have them, computed by oneDNN: in float32, or
// with the stem and the last layer in float32 and everything between on bytes.
#pragma once

#include <cstdint>

#include "backend/onednn/layer.hpp"
#include "backend/onednn/plan.hpp"
#include "backend/torch/residual.hpp"
#include "backend/torch/resnet_config.hpp"

namespace mediscan::backend::onednn {

class ResNet {
 public:
  /// Takes the tensors of torchvision's ResNet.state_dict(), or with `of_bytes` those that docs/bundle.md lists for a
  /// quantised one; Weights::check() tells whether all were there. `narrow` as in Layer::of_bytes.
  ResNet(torch::Weights& weights, const torch::ResNetConfig& config, bool of_bytes, bool narrow);

  /// Adds all that is to be done for these pictures. The network outlives the plan.
  void add_to(Plan& plan, const Activation& pictures);

  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  Activation begin(Plan& plan, const Activation& pictures);
  static Activation add_block(Plan& plan, torch::ResidualBlock<Layer>& block, const Activation& x);
  void end(Plan& plan, const Activation& x);

  bool of_bytes_;
  Layer stem_;
  torch::Quantization pooled_quantization_;  // of bytes
  torch::ResidualStages<Layer> stages_;
  Head head_;
};

}  // namespace mediscan::backend::onednn
