// The numbers of a convolution as its weights give them, with the batch-norm that follows folded in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend/network/weights.hpp"

namespace mediscan::backend {

struct ConvShape {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t kernel = 1;  // square
  std::int64_t stride = 1;
  std::int64_t padding = 0;
};

/// Height and width of a picture inside the network.
struct Extent {
  std::int64_t height = 0;
  std::int64_t width = 0;

  /// What a window of `kernel` leaves of it, rounded down.
  [[nodiscard]] Extent after(std::int64_t kernel, std::int64_t stride, std::int64_t padding) const {
    return {(height + 2 * padding - kernel) / stride + 1, (width + 2 * padding - kernel) / stride + 1};
  }
};

enum class Activation { none, relu };

/// gamma / sqrt(var + 1e-5) and beta - mean x that, in double: what a batch-norm does to each channel at inference.
struct BatchNorm {
  std::vector<double> scale;
  std::vector<double> shift;

  /// `name`.weight, .bias, .running_mean, .running_var. Both empty when one of them is missing or misshapen (the
  /// weights keep note).
  static BatchNorm take(Weights& weights, const std::string& name, std::int64_t channels);
};

/// The weights of a convolution with its batch-norm folded in, as plain numbers.
struct FoldedConv {
  ConvShape shape;
  std::vector<float> weight;  // OIHW
  std::vector<float> bias;    // one an output

  /// `conv`.weight without bias, followed by the batch-norm `norm`; none when that is empty. The weight is empty, or
  /// not folded, when a tensor is missing or misshapen (the weights keep note).
  static FoldedConv take(Weights& weights, const ConvShape& shape, const std::string& conv, const std::string& norm);
  /// `name`.weight and `name`.bias, stored folded.
  static FoldedConv take_folded(Weights& weights, const ConvShape& shape, const std::string& name);
};

/// What a convolution of bytes gives.
enum class Gives { bytes, floats };

}  // namespace mediscan::backend
