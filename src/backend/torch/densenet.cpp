#include "backend/torch/densenet.hpp"

#include <fmt/format.h>

#include <utility>

#include "backend/torch/network.hpp"
#include "backend/torch/stated.hpp"

namespace mediscan::backend::torch {
namespace {

/// "densenet" with its numbers in the manifest.
DenseNetConfig stated_config(const Architecture& architecture) {
  DenseNetConfig config;
  if (architecture.layers.empty() || architecture.layers.size() > 8) {
    reject_stated("densenet", "layers", fmt::format("found {} numbers, expected 1 to 8", architecture.layers.size()));
  }
  for (const std::uint32_t layers : architecture.layers) stated_in_range("densenet", "layers", layers, 256);
  config.layers = architecture.layers;
  config.growth_rate = stated_in_range("densenet", "growth_rate", architecture.growth_rate.value_or(32), 1024);
  config.init_features = stated_in_range("densenet", "init_features", architecture.init_features.value_or(64), 1024);
  config.bn_size = stated_in_range("densenet", "bn_size", architecture.bn_size.value_or(4), 64);
  return config;
}

}  // namespace

std::optional<DenseNetConfig> DenseNetConfig::from(const Architecture& architecture) {
  DenseNetConfig config;
  if (architecture.name == "densenet121") {
    config.layers = {6, 12, 24, 16};
  } else if (architecture.name == "densenet161") {
    config = {{6, 12, 36, 24}, 48, 96};
  } else if (architecture.name == "densenet169") {
    config.layers = {6, 12, 32, 32};
  } else if (architecture.name == "densenet201") {
    config.layers = {6, 12, 48, 32};
  } else if (architecture.name == "densenet") {
    config = stated_config(architecture);
  } else {
    return std::nullopt;
  }
  config.in_channels = architecture.in_channels;
  config.outputs = architecture.outputs;
  return config;
}

DenseNet::Norm::Norm(Weights& weights, const std::string& name, std::int64_t channels) {
  const BatchNorm norm = BatchNorm::take(weights, name, channels);
  for (const double value : norm.scale) scale.push_back(static_cast<float>(value));
  for (const double value : norm.shift) shift.push_back(static_cast<float>(value));
}

DenseNet::DenseNet(Weights& weights, const DenseNetConfig& config)
    : stem_(weights, {config.in_channels, config.init_features, 7, 2, 3}, "features.conv0", "features.norm0") {
  const std::int64_t bottleneck = config.bn_size * config.growth_rate;
  std::int64_t channels = config.init_features;
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    Block& block = blocks_.emplace_back();
    for (std::uint32_t j = 0; j < config.layers[i]; ++j) {
      const std::string name = fmt::format("features.denseblock{}.denselayer{}", i + 1, j + 1);
      Layer& layer = block.layers.emplace_back();
      layer.norm = Norm(weights, name + ".norm1", channels);
      layer.bottleneck = Conv(weights, {channels, bottleneck, 1, 1, 0}, name + ".conv1", name + ".norm2");
      layer.conv = Conv(weights, {bottleneck, config.growth_rate, 3, 1, 1}, name + ".conv2", "");
      channels += config.growth_rate;
    }
    block.channels = channels;
    if (i + 1 == config.layers.size()) {
      block.norm = Norm(weights, "features.norm5", channels);
    } else {
      const std::string name = fmt::format("features.transition{}", i + 1);
      block.norm = Norm(weights, name + ".norm", channels);
      block.transition.emplace(weights, ConvShape{channels, channels / 2, 1, 1, 0}, name + ".conv", "");
      channels /= 2;
    }
  }
  head_ = Linear(weights, "classifier", channels, config.outputs);
}

void DenseNet::pack(const Target& target, Extent input) {
  Extent extent = stem_.pack(target, input).after(3, 2, 1);
  for (Block& block : blocks_) {
    for (Layer& layer : block.layers) {
      layer.bottleneck.pack(target, extent);
      layer.conv.pack(target, extent);
    }
    if (block.transition) extent = block.transition->pack(target, extent.after(2, 2, 0));
  }
}

std::int64_t DenseNet::minimum_side() const noexcept {
  std::int64_t side = 1;  // after the last block; each transition halves, rounding down
  for (std::size_t i = 1; i < blocks_.size(); ++i) side *= 2;
  return side * 4 - 3;  // the stem and its pool each leave (n + 1) / 2
}

Pixels DenseNet::run_block(const Block& block, Pixels features) {
  for (const Layer& layer : block.layers) {
    Pixels activated = features;
    activated.stride = features.channels;
    activated.data = activated_.reserve(features.count() * features.channels);
    affine_relu(features, layer.norm.affine(), activated);
    const Tensor fresh = layer.conv(layer.bottleneck(tensor_of(activated), Activation::relu), Activation::none);
    const Pixels from = pixels_of(fresh);
    Pixels behind = features;
    behind.data += features.channels;
    behind.channels = from.channels;
    copy_channels(from, behind);
    features.channels += from.channels;
  }
  return features;
}

// Averaging before the 1x1 convolution instead of after it: both are linear, so the result is the same, for a quarter
// of the work.
Pixels DenseNet::run_transition(const Block& block, const Pixels& features, std::int64_t next_channels) {
  Pixels averaged = features;
  averaged.height /= 2;
  averaged.width /= 2;
  averaged.stride = features.channels;
  averaged.data = activated_.reserve(averaged.count() * averaged.channels);
  affine_relu_average2(features, block.norm.affine(), averaged);
  const Tensor reduced = (*block.transition)(tensor_of(averaged), Activation::none);
  const Pixels from = pixels_of(reduced);
  Pixels next = from;
  next.stride = next_channels;
  next.data = features_.reserve(next.count() * next.stride);
  copy_channels(from, next);
  return next;
}

void DenseNet::run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled) {
  Pixels features;
  {
    const Tensor stem = stem_(pictures, Activation::relu);
    const Pixels from = pixels_of(stem);
    const Extent extent = Extent{from.height, from.width}.after(3, 2, 1);
    features = {nullptr, from.batch, extent.height, extent.width, from.channels, blocks_.front().channels};
    features.data = features_.reserve(features.count() * features.stride);
    max_pool3(from, features);
  }
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    stop_if(cancelled);
    features = run_block(blocks_[i], features);
    if (blocks_[i].transition) features = run_transition(blocks_[i], features, blocks_[i + 1].channels);
  }
  float* pooled = activated_.reserve(features.batch * features.channels);
  affine_relu_mean(features, blocks_.back().norm.affine(), pooled);
  head_(pooled, features.batch, logits);
}

}  // namespace mediscan::backend::torch
