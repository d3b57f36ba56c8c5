// Densely connected networks (Huang et al., "Densely Connected Convolutional Networks", 2016) as torchvision has them,
// in float32 or bfloat16.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "backend/network/dense.hpp"
#include "backend/network/densenet_config.hpp"
#include "backend/network/kernels.hpp"
#include "backend/torch/conv.hpp"
#include "backend/torch/linear.hpp"

namespace mediscan::backend::torch {

/// A block's features lie side by side in one buffer; each layer reads all that are there and writes its own behind
/// them.
class DenseNet {
 public:
  /// Takes the tensors that torchvision's DenseNet.state_dict() has. Weights::check() tells whether all were there.
  DenseNet(Weights& weights, const DenseNetConfig& config);

  /// Makes it runnable in the target's precision, fp32 or bf16; `input` is the size that weights are packed for, others
  /// work. In bf16 features and what convolutions read are bfloat16; norms and the head compute in float32.
  void pack(const Target& target, Extent input);

  /// `pictures` is float32 and channels_last; writes batch x outputs logits.
  void run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled);

  /// Smallest height and width that leaves a pixel everywhere.
  [[nodiscard]] std::int64_t minimum_side() const noexcept { return minimum_side_; }

 private:
  using Block = DenseBlock<Conv>;

  /// `Numbers` is Pixels or HalfPixels.
  template <class Numbers>
  void run_blocks(Tensor stem, float* logits, const std::atomic<bool>& cancelled);
  template <class Numbers>
  Numbers run_block(const Block& block, Numbers features);
  template <class Numbers>
  Numbers run_transition(const Block& block, const Numbers& features, std::int64_t next_channels);

  Conv stem_;
  std::vector<Block> blocks_;
  Linear head_;
  std::int64_t minimum_side_;
  Precision precision_ = Precision::fp32;
  Scratch pictures_;   // of bfloat16
  Scratch features_;   // of the block that runs
  Scratch activated_;  // what a convolution is about to read
};

}  // namespace mediscan::backend::torch
