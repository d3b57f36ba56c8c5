// Residual networks (backend/torch/resnet.hpp, quantized_resnet.hpp) computed by oneDNN: in float32, or with the stem
// and the last layer in float32 and everything between on bytes, but for the blocks that the bundle keeps in float32.
#pragma once

#include <cstdint>

#include "backend/network/residual.hpp"
#include "backend/network/resnet_config.hpp"
#include "backend/onednn/layer.hpp"
#include "backend/onednn/plan.hpp"

namespace mediscan::backend::onednn {

class ResNet {
 public:
  /// Takes the tensors of torchvision's ResNet.state_dict(), or of a quantised one those that docs/bundle.md lists;
  /// Weights::check() tells whether all were there. `narrow` as in Layer::of_quantized.
  ResNet(Weights& weights, const ResNetConfig& config, bool quantized, bool narrow);

  /// Adds all that is to be done for these pictures. The network outlives the plan.
  void add_to(Plan& plan, const Activation& pictures);

  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  using Block = ResidualBlock<Layer>;

  Activation begin(Plan& plan, const Activation& pictures);
  static Activation add_block(Plan& plan, Block& block, Activation x);
  void end(Plan& plan, const Activation& x);

  bool quantized_;
  Layer stem_;
  Quantization pooled_quantization_;  // of what the first stage takes, in bytes
  ResidualStages<Layer> stages_;
  Head head_;
};

}  // namespace mediscan::backend::onednn
