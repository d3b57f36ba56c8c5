// A convolution of a quantised network: of bytes, or in float32 where the bundle keeps it so. How its weights are
// stored says which.
#pragma once

#include <string>
#include <variant>

#include "backend/torch/conv.hpp"
#include "backend/torch/quantized_conv.hpp"

namespace mediscan::backend::torch {

struct MixedConv {
  std::string name;
  std::variant<QuantizedConv, Conv> conv;

  /// As QuantizedConv takes it when `name`.weight is I8; otherwise `name`.weight and `name`.bias in float32, batch-norm
  /// folded in.
  static MixedConv take(Weights& weights, const ConvShape& shape, const std::string& name, Gives gives);

  [[nodiscard]] bool of_bytes() const noexcept { return std::holds_alternative<QuantizedConv>(conv); }
  [[nodiscard]] const QuantizedConv& quantized() const { return std::get<QuantizedConv>(conv); }
  [[nodiscard]] const Conv& real() const { return std::get<Conv>(conv); }

  /// `of_input` counts for bytes alone.
  Extent pack(const Target& target, Extent input, const Quantization& of_input);
};

/// Notes a fault unless both are of bytes or both are not: `one` and `other` stand in a unit that is kept as a whole.
void require_alike(Weights& weights, const MixedConv& one, const MixedConv& other);

}  // namespace mediscan::backend::torch
