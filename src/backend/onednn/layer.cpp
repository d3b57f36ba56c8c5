#include "backend/onednn/layer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace mediscan::backend::onednn {
namespace {

std::vector<std::int64_t> sizes_of(const ConvShape& shape) { return {shape.out, shape.in, shape.kernel, shape.kernel}; }

/// v / 2, halves to even: -127 to 127 become -64 to 64.
std::int8_t halved(std::int8_t value) { return static_cast<std::int8_t>(std::nearbyint(value / 2.0)); }

}  // namespace

Layer::Layer(Weights& weights, const ConvShape& of, const std::string& conv, const std::string& norm)
    : name(conv), shape(of) {
  keep(FoldedConv::take(weights, of, conv, norm));
}

void Layer::keep(FoldedConv folded) {
  const bool whole = !folded.weight.empty() && !folded.bias.empty();  // else the weights keep note
  if (whole && WinogradConv::suits(shape)) {
    winograd.emplace(folded);
  } else {
    weight = Packing(std::move(folded.weight), sizes_of(shape));
    bias = std::move(folded.bias);
  }
}

Layer Layer::of_quantized(Weights& weights, const ConvShape& shape, const std::string& name, Gives gives, bool narrow) {
  Layer layer;
  layer.name = name;
  layer.shape = shape;
  layer.gives = gives;
  if (!weights.is_int8(name + ".weight")) {
    layer.keep(FoldedConv::take_folded(weights, shape, name));
    return layer;
  }
  if (gives == Gives::bytes) layer.output = weights.take_quantization(name);
  std::vector<std::int8_t> plain =
      weights.take_int8(name + ".weight", {shape.out, shape.in, shape.kernel, shape.kernel});
  layer.scales = weights.take(name + ".weight_scale", {shape.out});
  layer.bias = weights.take(name + ".bias", {shape.out});
  if (std::ranges::any_of(layer.scales, [](float scale) { return !(scale > 0); }))
    weights.fault(fmt::format("{}.weight_scale: holds values that are not over 0", name));
  if (narrow) {
    std::ranges::transform(plain, plain.begin(), halved);
    for (float& scale : layer.scales) scale *= 2;
  }
  layer.weight = Packing(std::move(plain), sizes_of(shape));
  return layer;
}

void require_alike(Weights& weights, const Layer& one, const Layer& other) {
  if (one.of_bytes() == other.of_bytes()) return;
  weights.fault(fmt::format("{}.weight: found type {}, but {}.weight is {}: both are int8 or both are kept in float",
                            other.name, other.of_bytes() ? "I8" : "float", one.name, one.of_bytes() ? "I8" : "float"));
}

Head::Head(Weights& weights, const std::string& name, std::int64_t features, std::int64_t outputs)
    : in(features),
      out(outputs),
      weight(weights.take(name + ".weight", {outputs, features}), {outputs, features}),
      bias(weights.take(name + ".bias", {outputs})) {}

}  // namespace mediscan::backend::onednn
