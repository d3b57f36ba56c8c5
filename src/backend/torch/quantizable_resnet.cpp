#include "backend/torch/quantizable_resnet.hpp"

#include "backend/torch/network.hpp"
#include "backend/torch/quantized_weights.hpp"

namespace mediscan::backend::torch {
namespace {

std::vector<bundle::StoredTensor> take_unchanged(Weights& weights, const ResNetConfig& config) {
  std::vector<bundle::StoredTensor> unchanged;
  append_unchanged(weights, "conv1.weight", {config.width, config.in_channels, 7, 7}, unchanged);
  append_norm_unchanged(weights, "bn1", config.width, unchanged);
  append_unchanged(weights, "fc.weight", {config.outputs, config.features()}, unchanged);
  append_unchanged(weights, "fc.bias", {config.outputs}, unchanged);
  return unchanged;
}

/// "layer1.0" of "layer1.0.conv2".
std::string block_of(const std::string& conv) { return conv.substr(0, conv.find('.', conv.find('.') + 1)); }

}  // namespace

QuantizableResNet::QuantizableResNet(Weights& weights, const ResNetConfig& config)
    : unchanged_(take_unchanged(weights, config)),
      stem_(weights, {config.in_channels, config.width, 7, 2, 3}, "conv1", "bn1"),
      stages_(
          take_residual_stages<Watched>(config,
                                        [&](const ConvShape& shape, const std::string& conv, const std::string& norm) {
                                          folded_.push_back(FoldedConv::take(weights, shape, conv, norm));
                                          layers_.push_back(conv);
                                          return Watched{Conv(folded_.back()), layers_.size() - 1};
                                        })),
      head_(weights, "fc", config.features(), config.outputs) {
  for (const auto& stage : stages_) {
    for (const auto& block : stage) {
      Quantizable::Unit& unit = units_.emplace_back();
      unit.name = block_of(layers_[block.convs.front().layer]);
      for (std::size_t i = 0; i + 1 < block.convs.size(); ++i) unit.layers.push_back(block.convs[i].layer);
      if (block.downsample) unit.layers.push_back(block.downsample->layer);
    }
  }
}

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
    watch(block.convs[i].layer, all_values(y));
  }
  Tensor shortcut = x;
  if (block.downsample) {
    shortcut = block.downsample->conv(x, Activation::none);
    watch(block.downsample->layer, all_values(shortcut));
  }
  const Watched& last = block.convs.back();
  Tensor out = last.conv.add_relu(y, shortcut);
  watch(last.layer, all_values(out));
  return out;
}

void QuantizableResNet::run(const Tensor& pictures, float* logits, const Quantizable::Watch& watch) {
  Tensor x = pooled(stem_(pictures, Activation::relu), pooled_);
  watch(0, all_values(x));
  for (const auto& stage : stages_) {
    for (const auto& block : stage) x = run_block(block, x, watch);
  }
  const auto sizes = x.sizes();  // batch, channels, height, width
  float* features = features_.reserve(sizes[0] * sizes[1]);
  mean_pixels(pixels_of(x), features);
  head_(features, sizes[0], logits);
}

std::vector<bundle::StoredTensor> QuantizableResNet::quantized(std::span<const ByteScale> scales,
                                                               const std::vector<bool>& kept) const {
  std::vector<bundle::StoredTensor> tensors = unchanged_;
  append_scale(scales[0], layers_[0], tensors);
  const auto append = [&](const Watched& watched, bool in_floats, bool scaled) {
    const FoldedConv& conv = folded_[watched.layer - 1];
    const std::string& name = layers_[watched.layer];
    in_floats ? append_kept(conv, name, tensors) : append_quantized(conv, name, tensors);
    if (scaled) append_scale(scales[watched.layer], name, tensors);
  };
  std::size_t unit = 0;
  for (const auto& stage : stages_) {
    for (const auto& block : stage) {
      const bool in_floats = kept[unit++];
      for (const Watched& watched : block.convs)
        append(watched, in_floats, !in_floats || &watched == &block.convs.back());
      if (block.downsample) append(*block.downsample, in_floats, !in_floats);
    }
  }
  return tensors;
}

}  // namespace mediscan::backend::torch
