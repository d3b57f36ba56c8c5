#include "backend/torch/quantizable_resnet.hpp"

#include <algorithm>
#include <cmath>

#include "backend/torch/network.hpp"

namespace mediscan::backend::torch {
namespace {

std::vector<bundle::StoredTensor> take_kept(Weights& weights, const ResNetConfig& config) {
  std::vector<bundle::StoredTensor> kept;
  const auto keep = [&](const std::string& name, std::initializer_list<std::int64_t> shape) {
    const std::vector<float> values = weights.take(name, shape);
    // A fault stands in the weights' notes already, and nothing is written then.
    if (!values.empty()) kept.push_back(bundle::StoredTensor::of(name, shape, std::span<const float>(values)));
  };
  keep("conv1.weight", {config.width, config.in_channels, 7, 7});
  for (const char* part : {"weight", "bias", "running_mean", "running_var"}) {
    keep(std::string("bn1.") + part, {config.width});
  }
  keep("fc.weight", {config.outputs, config.features()});
  keep("fc.bias", {config.outputs});
  return kept;
}

void quantize_weights(const FoldedConv& conv, const std::string& name, std::vector<bundle::StoredTensor>& to) {
  const ConvShape& shape = conv.shape;
  const auto outputs = static_cast<std::size_t>(shape.out);
  const std::size_t per_output = conv.weight.size() / outputs;
  std::vector<std::int8_t> weight(conv.weight.size());
  std::vector<float> scales(outputs);
  for (std::size_t o = 0; o < outputs; ++o) {
    const auto row = std::span(conv.weight).subspan(o * per_output, per_output);
    float largest = 0;
    for (const float value : row) largest = std::max(largest, std::abs(value));
    const float scale = largest / 127.0F;
    // An output without weights, or with such small ones that their scale is no number over 0, is its bias.
    const bool none = !std::isnormal(scale);
    scales[o] = none ? 1.0F : scale;
    for (std::size_t i = 0; i < per_output; ++i) {
      const double steps = none ? 0.0 : std::nearbyint(double{row[i]} / double{scale});
      weight[o * per_output + i] = static_cast<std::int8_t>(std::clamp(steps, -127.0, 127.0));
    }
  }
  to.push_back(bundle::StoredTensor::of(name + ".weight", {shape.out, shape.in, shape.kernel, shape.kernel},
                                        std::span<const std::int8_t>(weight)));
  to.push_back(bundle::StoredTensor::of(name + ".weight_scale", {shape.out}, std::span<const float>(scales)));
  to.push_back(bundle::StoredTensor::of(name + ".bias", {shape.out}, std::span<const float>(conv.bias)));
}

std::span<const float> values_of(const Tensor& tensor) {
  const Pixels pixels = pixels_of(tensor);
  return {pixels.data, static_cast<std::size_t>(pixels.count() * pixels.channels)};
}

}  // namespace

QuantizableResNet::QuantizableResNet(Weights& weights, const ResNetConfig& config)
    : kept_(take_kept(weights, config)),
      stem_(weights, {config.in_channels, config.width, 7, 2, 3}, "conv1", "bn1"),
      stages_(
          take_residual_stages<Watched>(config,
                                        [&](const ConvShape& shape, const std::string& conv, const std::string& norm) {
                                          folded_.push_back(FoldedConv::take(weights, shape, conv, norm));
                                          layers_.push_back(conv);
                                          return Watched{Conv(folded_.back()), layers_.size() - 1};
                                        })),
      head_(weights, "fc", config.features(), config.outputs) {}

void QuantizableResNet::pack(const Target& target, Extent input) {
  Extent extent = stem_.pack(target, input).after(3, 2, 1);
  for (auto& stage : stages_) {
    for (auto& block : stage) {
      if (block.downsample) block.downsample->conv.pack(target, extent);
      for (Watched& watched : block.convs) extent = watched.conv.pack(target, extent);
    }
  }
}

Tensor QuantizableResNet::run_block(const ResidualBlock<Watched>& block, const Tensor& x,
                                    const Quantizable::Watch& watch) {
  Tensor y = x;
  for (std::size_t i = 0; i + 1 < block.convs.size(); ++i) {
    y = block.convs[i].conv(y, Activation::relu);
    watch(block.convs[i].layer, values_of(y));
  }
  Tensor shortcut = x;
  if (block.downsample) {
    shortcut = block.downsample->conv(x, Activation::none);
    watch(block.downsample->layer, values_of(shortcut));
  }
  const Watched& last = block.convs.back();
  Tensor out = last.conv.add_relu(y, shortcut);
  watch(last.layer, values_of(out));
  return out;
}

void QuantizableResNet::run(const Tensor& pictures, float* logits, const Quantizable::Watch& watch) {
  Tensor x = pooled(stem_(pictures, Activation::relu), pooled_);
  watch(0, values_of(x));
  for (const auto& stage : stages_) {
    for (const auto& block : stage) x = run_block(block, x, watch);
  }
  const auto sizes = x.sizes();  // batch, channels, height, width
  float* features = features_.reserve(sizes[0] * sizes[1]);
  mean_pixels(pixels_of(x), features);
  head_(features, sizes[0], logits);
}

std::vector<bundle::StoredTensor> QuantizableResNet::quantized(std::span<const ByteScale> scales) const {
  std::vector<bundle::StoredTensor> tensors = kept_;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (i > 0) quantize_weights(folded_[i - 1], layers_[i], tensors);
    tensors.push_back(bundle::StoredTensor::of(layers_[i] + ".output_scale", {1}, std::span(&scales[i].scale, 1)));
    tensors.push_back(
        bundle::StoredTensor::of(layers_[i] + ".output_zero_point", {1}, std::span(&scales[i].zero_point, 1)));
  }
  return tensors;
}

}  // namespace mediscan::backend::torch
