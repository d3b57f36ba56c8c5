// A residual network that computes in float32 and shows what comes out of each of its layers, and whose weights it
// turns into those of QuantizedResNet (quantized_resnet.hpp).
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "backend/network/kernels.hpp"
#include "backend/network/residual.hpp"
#include "backend/network/resnet_config.hpp"
#include "backend/quantizable.hpp"
#include "backend/torch/conv.hpp"
#include "backend/torch/linear.hpp"

namespace mediscan::backend::torch {

class QuantizableResNet {
 public:
  /// Takes the tensors that torchvision's ResNet.state_dict() has. Weights::check() tells whether all were there.
  QuantizableResNet(Weights& weights, const ResNetConfig& config);

  void pack(const Target& target, Extent input);

  /// `pictures` is float32 and channels_last; writes batch x outputs logits.
  void run(const Tensor& pictures, float* logits, const Quantizable::Watch& watch);

  [[nodiscard]] const std::vector<std::string>& layers() const noexcept { return layers_; }
  /// A block each; the last layer of a kept one has a scale nevertheless, since the next block may want bytes.
  [[nodiscard]] const std::vector<Quantizable::Unit>& units() const noexcept { return units_; }
  /// Weights are symmetric, 127 the largest of each output.
  [[nodiscard]] std::vector<bundle::StoredTensor> quantized(std::span<const ByteScale> scales,
                                                            const std::vector<bool>& kept) const;

 private:
  /// A convolution, and which of layers() it is.
  struct Watched {
    Conv conv;
    std::size_t layer = 0;
  };

  static Tensor run_block(const ResidualBlock<Watched>& block, const Tensor& x, const Quantizable::Watch& watch);

  std::vector<std::string> layers_{"conv1"};  // of that, what the pooling gives
  std::vector<FoldedConv> folded_;            // of the layers after the first
  std::vector<Quantizable::Unit> units_;
  std::vector<bundle::StoredTensor> unchanged_;  // conv1, bn1 and fc
  Conv stem_;
  ResidualStages<Watched> stages_;
  Linear head_;
  Scratch pooled_;
  Scratch features_;
};

}  // namespace mediscan::backend::torch
