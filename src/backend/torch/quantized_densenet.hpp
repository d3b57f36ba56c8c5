// Densely connected networks whose weights were quantised beforehand (docs/bundle.md has their tensors): what a
// convolution reads is bytes, what it adds to the features is float32; the stem, the norms and the last layer compute
// in float32, and so does a layer or transition that the bundle keeps there.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "backend/network/dense.hpp"
#include "backend/network/densenet_config.hpp"
#include "backend/network/kernels.hpp"
#include "backend/torch/linear.hpp"
#include "backend/torch/mixed_conv.hpp"

namespace mediscan::backend::torch {

class QuantizedDenseNet {
 public:
  /// Takes its tensors. Weights::check() tells whether all were there.
  QuantizedDenseNet(Weights& weights, const DenseNetConfig& config);

  /// Makes it runnable; `input` is the size that weights are packed for, others work.
  void pack(const Target& target, Extent input);

  /// `pictures` is float32 and channels_last; writes batch x outputs logits.
  void run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled);

  /// Smallest height and width that leaves a pixel everywhere.
  [[nodiscard]] std::int64_t minimum_side() const noexcept { return minimum_side_; }

 private:
  /// A convolution that stands behind a norm, and what the bytes that the norm's activation makes stand for.
  struct Activated {
    MixedConv conv;
    Quantization input;
  };
  using Block = DenseBlock<Activated>;

  Pixels run_block(const Block& block, Pixels features);
  Pixels run_transition(const Block& block, const Pixels& features, std::int64_t next_channels);
  Tensor run_layer(const DenseLayer<Activated>& layer, const Pixels& features);

  Conv stem_;
  std::vector<Block> blocks_;
  Linear head_;
  std::int64_t minimum_side_;
  Scratch features_;   // of the block that runs
  Scratch activated_;  // what a convolution is about to read
};

}  // namespace mediscan::backend::torch
