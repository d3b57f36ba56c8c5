#include "backend/network/folded_conv.hpp"

#include <cmath>

namespace mediscan::backend {

BatchNorm BatchNorm::take(Weights& weights, const std::string& name, std::int64_t channels) {
  constexpr double epsilon = 1e-5;  // torch.nn.BatchNorm2d's default, which torchvision keeps
  const auto gamma = weights.take(name + ".weight", {channels});
  const auto beta = weights.take(name + ".bias", {channels});
  const auto mean = weights.take(name + ".running_mean", {channels});
  const auto variance = weights.take(name + ".running_var", {channels});
  if (gamma.empty() || beta.empty() || mean.empty() || variance.empty()) return {};
  BatchNorm norm;
  for (std::size_t c = 0; c < gamma.size(); ++c) {
    norm.scale.push_back(double{gamma[c]} / std::sqrt(double{variance[c]} + epsilon));
    norm.shift.push_back(double{beta[c]} - double{mean[c]} * norm.scale[c]);
    if (!std::isfinite(norm.shift[c])) {
      weights.fault(name + ".running_var: makes no finite scale of channel " + std::to_string(c));
      return {};
    }
  }
  return norm;
}

FoldedConv FoldedConv::take(Weights& weights, const ConvShape& shape, const std::string& conv,
                            const std::string& norm) {
  const auto outputs = static_cast<std::size_t>(shape.out);
  FoldedConv folded{shape, weights.take(conv + ".weight", {shape.out, shape.in, shape.kernel, shape.kernel}),
                    std::vector<float>(outputs)};
  if (norm.empty()) return folded;
  const BatchNorm affine = BatchNorm::take(weights, norm, shape.out);
  if (folded.weight.empty() || affine.scale.empty()) return folded;
  const std::size_t per_output = folded.weight.size() / outputs;
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t i = 0; i < per_output; ++i) {
      float& weight = folded.weight[o * per_output + i];
      weight = static_cast<float>(double{weight} * affine.scale[o]);
    }
    folded.bias[o] = static_cast<float>(affine.shift[o]);
  }
  return folded;
}

FoldedConv FoldedConv::take_folded(Weights& weights, const ConvShape& shape, const std::string& name) {
  return {shape, weights.take(name + ".weight", {shape.out, shape.in, shape.kernel, shape.kernel}),
          weights.take(name + ".bias", {shape.out})};
}

}  // namespace mediscan::backend
