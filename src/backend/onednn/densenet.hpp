// Densely connected networks (backend/torch/densenet.hpp, quantized_densenet.hpp) computed by oneDNN: in float32, or
// with features, the stem and the last layer in float32 and what convolutions read on bytes, but for the layers that
// the bundle keeps in float32.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/network/dense.hpp"
#include "backend/network/densenet_config.hpp"
#include "backend/onednn/layer.hpp"
#include "backend/onednn/plan.hpp"

namespace mediscan::backend::onednn {

/// A block's features lie side by side in one slot; each layer reads all that are there and writes its own behind them.
class DenseNet {
 public:
  /// Takes the tensors of torchvision's DenseNet.state_dict(), or of a quantised one those that docs/bundle.md lists;
  /// Weights::check() tells whether all were there. `narrow` as in Layer::of_quantized.
  DenseNet(Weights& weights, const DenseNetConfig& config, bool quantized, bool narrow);

  /// Adds all that is to be done for these pictures. The network outlives the plan.
  void add_to(Plan& plan, const Activation& pictures);

  [[nodiscard]] std::uint64_t bytes() const noexcept;
  /// Smallest height and width that leaves a pixel everywhere.
  [[nodiscard]] std::int64_t minimum_side() const noexcept { return minimum_side_; }

 private:
  /// A convolution, and what the bytes that it reads stand for when it is of bytes.
  struct Activated {
    Layer layer;
    Quantization input;
  };
  using Block = DenseBlock<Activated>;

  Activation begin(Plan& plan, const Activation& pictures);
  static Activation add_block(Plan& plan, Block& block, Activation features);
  static Activation add_transition(Plan& plan, Block& block, const Activation& features, std::int64_t next_channels);
  void end(Plan& plan, const Activation& features);

  Layer stem_;
  std::vector<Block> blocks_;
  Head head_;
  std::int64_t minimum_side_;
};

}  // namespace mediscan::backend::onednn
