// A convolution with its batch-norm folded in, on channels_last pictures of float32 or bfloat16, whichever it was
// packed for: convolution, + ReLU, or + residual + ReLU. One oneDNN operation, or our own where that is faster. What
// surrounds convolutions is not here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/network/folded_conv.hpp"
#include "backend/network/weights.hpp"
#include "backend/network/winograd.hpp"
#include "backend/torch/device.hpp"
#include "backend/torch/tensor.hpp"

namespace mediscan::backend::torch {

/// Made in two steps, so that every fault of a file is known before the costly one: take the weights, then pack them
/// for a device.
class Conv {
 public:
  Conv() = default;
  explicit Conv(FoldedConv folded);
  /// `conv`.weight without bias, followed by the batch-norm `norm`; none when that is empty.
  Conv(Weights& weights, const ConvShape& shape, const std::string& conv, const std::string& norm);

  /// Packs the weights as oneDNN likes them for pictures of this size in each of the target's batches, and frees the
  /// plain ones. Returns the size of what comes out.
  Extent pack(const Target& target, Extent input);

  [[nodiscard]] Tensor operator()(const Tensor& input, Activation activation) const;
  /// relu(conv(input) + residual), written over `residual` and returned.
  [[nodiscard]] Tensor add_relu(const Tensor& input, const Tensor& residual) const;

  [[nodiscard]] const ConvShape& shape() const noexcept { return shape_; }

 private:
  /// Weights in the order that oneDNN reads fastest in batches of `batch` and more.
  struct Packed {
    std::int64_t batch = 1;
    Tensor weight;
  };
  [[nodiscard]] const Tensor& weight_for(const Tensor& input) const;
  void run_winograd(const Tensor& input, const Tensor& output, Finish finish) const;

  ConvShape shape_;
  std::vector<float> plain_;                // OIHW, until packed
  std::vector<float> bias_;                 // lives as long as bias_view_
  std::vector<std::uint16_t> bias_halves_;  // the same in bfloat16
  std::vector<Packed> packed_;              // by rising batch; an order that several batches share is there once
  Tensor bias_view_;
  std::optional<WinogradConv> winograd_;  // instead of all that
  std::shared_ptr<Scratch> scratch_;      // what that works in
  int threads_ = 1;
};

}  // namespace mediscan::backend::torch
