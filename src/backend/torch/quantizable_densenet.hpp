// A densely connected network that computes in float32 and shows what its convolutions read, and whose weights it turns
// into those of QuantizedDenseNet (quantized_densenet.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backend/network/dense.hpp"
#include "backend/network/densenet_config.hpp"
#include "backend/network/kernels.hpp"
#include "backend/quantizable.hpp"
#include "backend/torch/conv.hpp"
#include "backend/torch/linear.hpp"

namespace mediscan::backend::torch {

class QuantizableDenseNet {
 public:
  /// Takes the tensors that torchvision's DenseNet.state_dict() has. Weights::check() tells whether all were there.
  QuantizableDenseNet(Weights& weights, const DenseNetConfig& config);

  void pack(const Target& target, Extent input);

  /// `pictures` is float32 and channels_last; writes batch x outputs logits.
  void run(const Tensor& pictures, float* logits, const Quantizable::Watch& watch);

  /// norm1 of each dense layer, after its ReLU; its conv1, after norm2 and ReLU; norm of each transition, after its
  /// ReLU and averaged.
  [[nodiscard]] const std::vector<std::string>& layers() const noexcept { return layers_; }
  /// Each dense layer and each transition.
  [[nodiscard]] const std::vector<Quantizable::Unit>& units() const noexcept { return units_; }
  /// Weights are symmetric, 127 the largest of each output.
  [[nodiscard]] std::vector<bundle::StoredTensor> quantized(std::span<const ByteScale> scales,
                                                            const std::vector<bool>& kept) const;

 private:
  /// A convolution, and its numbers.
  struct Folded {
    Conv conv;
    FoldedConv folded;
    std::string name;
  };
  using Block = DenseBlock<Folded>;

  /// `layer` counts in layers() and goes on.
  Pixels run_block(const Block& block, Pixels features, const Quantizable::Watch& watch, std::size_t& layer);
  Pixels run_transition(const Block& block, const Pixels& features, std::int64_t next_channels,
                        const Quantizable::Watch& watch, std::size_t& layer);

  std::vector<std::string> layers_;
  std::vector<Quantizable::Unit> units_;
  std::vector<bundle::StoredTensor> unchanged_;  // the stem, every norm that is not folded, the classifier
  Conv stem_;
  std::vector<Block> blocks_;
  Linear head_;
  Scratch features_;
  Scratch activated_;
};

}  // namespace mediscan::backend::torch
