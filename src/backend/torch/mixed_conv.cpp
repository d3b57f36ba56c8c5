#include "backend/torch/mixed_conv.hpp"

#include <fmt/format.h>

namespace mediscan::backend::torch {

MixedConv MixedConv::take(Weights& weights, const ConvShape& shape, const std::string& name, Gives gives) {
  if (weights.is_int8(name + ".weight")) return {name, QuantizedConv(weights, shape, name, gives)};
  return {name, Conv(FoldedConv::take_folded(weights, shape, name))};
}

Extent MixedConv::pack(const Target& target, Extent input, const Quantization& of_input) {
  if (auto* bytes = std::get_if<QuantizedConv>(&conv)) return bytes->pack(target, input, of_input);
  Target in_floats = target;
  in_floats.precision = Precision::fp32;
  return std::get<Conv>(conv).pack(in_floats, input);
}

void require_alike(Weights& weights, const MixedConv& one, const MixedConv& other) {
  if (one.of_bytes() == other.of_bytes()) return;
  weights.fault(fmt::format("{}.weight: found type {}, but {}.weight is {}: both are int8 or both are kept in float",
                            other.name, other.of_bytes() ? "I8" : "float", one.name, one.of_bytes() ? "I8" : "float"));
}

}  // namespace mediscan::backend::torch
