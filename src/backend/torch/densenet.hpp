// Densely connected networks (Huang et al., "Densely Connected Convolutional Networks", 2016) as torchvision has them.
#pragma once

#include <mediscan/bundle.hpp>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/torch/conv.hpp"
#include "backend/torch/kernels.hpp"
#include "backend/torch/linear.hpp"

namespace mediscan::backend::torch {

struct DenseNetConfig {
  std::vector<std::uint32_t> layers;  // of each block
  std::int64_t growth_rate = 32;
  std::int64_t init_features = 64;
  std::int64_t bn_size = 4;
  std::int64_t in_channels = 3;
  std::int64_t outputs = 0;

  /// Nothing when `architecture` names no DenseNet. Throws BUNDLE_INVALID for numbers that make none.
  static std::optional<DenseNetConfig> from(const Architecture& architecture);
};

/// A block's features lie side by side in one buffer; each layer reads all that are there and writes its own behind
/// them.
class DenseNet {
 public:
  /// Takes the tensors that torchvision's DenseNet.state_dict() has. Weights::check() tells whether all were there.
  DenseNet(Weights& weights, const DenseNetConfig& config);

  /// Makes it runnable; `input` is the size that weights are packed for, others work.
  void pack(const Target& target, Extent input);

  /// `pictures` is channels_last; writes batch x outputs logits.
  void run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled);

  /// Smallest height and width that leaves a pixel everywhere.
  [[nodiscard]] std::int64_t minimum_side() const noexcept;

 private:
  /// A batch-norm that acts on concatenated features and so cannot be folded into a convolution.
  struct Norm {
    Norm() = default;
    Norm(Weights& weights, const std::string& name, std::int64_t channels);
    [[nodiscard]] Affine affine() const { return {scale, shift}; }
    std::vector<float> scale;
    std::vector<float> shift;
  };
  struct Layer {
    Norm norm;
    Conv bottleneck;  // with norm2 folded in
    Conv conv;
  };
  struct Block {
    std::vector<Layer> layers;
    std::int64_t channels = 0;  // with all layers' features
    Norm norm;                  // of the transition, or the network's last
    std::optional<Conv> transition;
  };

  Pixels run_block(const Block& block, Pixels features);
  Pixels run_transition(const Block& block, const Pixels& features, std::int64_t next_channels);

  Conv stem_;
  std::vector<Block> blocks_;
  Linear head_;
  Scratch features_;   // of the block that runs
  Scratch activated_;  // what a convolution is about to read
};

}  // namespace mediscan::backend::torch
