// The numbers of a network's layers, taken from its weights: convolutions of float32 or of bytes, and the last layer.
// plan.hpp makes oneDNN's primitives of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/network/folded_conv.hpp"
#include "backend/network/weights.hpp"
#include "backend/network/winograd.hpp"
#include "backend/onednn/packing.hpp"

namespace mediscan::backend::onednn {

/// A convolution: in float32, or of u8 activations and s8 weights with sums in 32 bits.
struct Layer {
  Layer() = default;
  /// `conv`.weight in float32 with the batch-norm `norm` folded in; none when that is empty.
  Layer(Weights& weights, const ConvShape& of, const std::string& conv, const std::string& norm);
  /// A convolution of a quantised network. When `name`.weight is I8, of bytes: .weight_scale and .bias (F32, one an
  /// output), and .output_scale and .output_zero_point where it gives bytes. Else kept in float32, its batch-norm
  /// folded in: .weight and .bias. With `narrow` weights of bytes are halved, rounded to even, and their scales
  /// doubled: vpmaddubsw, which stands in for VNNI on older CPUs, adds two products in 16 bits and saturates from
  /// weights of 65 on.
  static Layer of_quantized(Weights& weights, const ConvShape& shape, const std::string& name, Gives gives,
                            bool narrow);

  [[nodiscard]] bool of_bytes() const noexcept { return weight.type() == DataType::s8; }
  [[nodiscard]] bool gives_bytes() const noexcept { return of_bytes() && gives == Gives::bytes; }
  /// What its weights take.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return weight.bytes() + (winograd ? winograd->bytes() : 0); }

  std::string name;
  ConvShape shape;
  Gives gives = Gives::floats;
  std::optional<WinogradConv> winograd;  // instead of `weight` and `bias` where that is faster, in float32
  Packing weight;                        // OIHW
  std::vector<float> bias;               // one an output
  std::vector<float> scales;             // of the weights, one an output; of bytes
  Quantization output;                   // what the bytes that come out stand for

 private:
  void keep(FoldedConv folded);
};

/// Notes a fault unless both are of bytes or both are not: they stand in a unit that is kept in float32 as a whole.
void require_alike(Weights& weights, const Layer& one, const Layer& other);

/// The last layer, in float32: features to logits.
struct Head {
  Head() = default;
  /// Takes `name`.weight and `name`.bias.
  Head(Weights& weights, const std::string& name, std::int64_t features, std::int64_t outputs);

  std::int64_t in = 0;
  std::int64_t out = 0;
  Packing weight;  // out x in
  std::vector<float> bias;
};

}  // namespace mediscan::backend::onednn
