#include "backend/torch/quantizable_densenet.hpp"

#include "backend/torch/network.hpp"
#include "backend/torch/quantized_weights.hpp"

namespace mediscan::backend::torch {
namespace {

constexpr const char* stem = "features.conv0";
constexpr const char* stem_norm = "features.norm0";
constexpr const char* head = "classifier";

}  // namespace

QuantizableDenseNet::QuantizableDenseNet(Weights& weights, const DenseNetConfig& config)
    : stem_(weights, {config.in_channels, config.init_features, 7, 2, 3}, stem, stem_norm),
      blocks_(take_dense_blocks<Folded>(weights, config,
                                        [&](const ConvShape& shape, const std::string& conv, const std::string& norm) {
                                          FoldedConv folded = FoldedConv::take(weights, shape, conv, norm);
                                          return Folded{Conv(folded), folded, conv};
                                        })),
      head_(weights, head, config.features(), config.outputs) {
  append_unchanged(weights, std::string(stem) + ".weight", {config.init_features, config.in_channels, 7, 7},
                   unchanged_);
  append_norm_unchanged(weights, stem_norm, config.init_features, unchanged_);
  append_unchanged(weights, std::string(head) + ".weight", {config.outputs, config.features()}, unchanged_);
  append_unchanged(weights, std::string(head) + ".bias", {config.outputs}, unchanged_);
  for (const Block& block : blocks_) {
    for (const auto& layer : block.layers) {
      append_norm_unchanged(weights, layer.norm.name, layer.bottleneck.folded.shape.in, unchanged_);
      units_.push_back({layer.name, {layers_.size(), layers_.size() + 1}});
      layers_.push_back(layer.norm.name);
      layers_.push_back(layer.bottleneck.name);
    }
    append_norm_unchanged(weights, block.norm.name, block.channels, unchanged_);
    if (!block.transition) continue;
    const std::string& conv = block.transition->name;
    units_.push_back({conv.substr(0, conv.rfind('.')), {layers_.size()}});
    layers_.push_back(block.norm.name);
  }
}

void QuantizableDenseNet::pack(const Target& target, Extent input) {
  Extent extent = stem_.pack(target, input).after(3, 2, 1);
  for (Block& block : blocks_) {
    for (auto& layer : block.layers) {
      layer.bottleneck.conv.pack(target, extent);
      layer.conv.conv.pack(target, extent);
    }
    if (block.transition) extent = block.transition->conv.pack(target, extent.after(2, 2, 0));
  }
}

Pixels QuantizableDenseNet::run_block(const Block& block, Pixels features, const Quantizable::Watch& watch,
                                      std::size_t& layer) {
  for (const auto& each : block.layers) {
    Pixels activated = features;
    activated.stride = features.channels;
    activated.data = activated_.reserve(features.count() * features.channels);
    affine_relu(features, each.norm.affine(), activated);
    const Tensor read = tensor_of(activated);
    watch(layer++, all_values(read));
    const Tensor narrow = each.bottleneck.conv(read, Activation::relu);
    watch(layer++, all_values(narrow));
    const Tensor fresh = each.conv.conv(narrow, Activation::none);
    append_channels(pixels_of(fresh), features);
  }
  return features;
}

Pixels QuantizableDenseNet::run_transition(const Block& block, const Pixels& features, std::int64_t next_channels,
                                           const Quantizable::Watch& watch, std::size_t& layer) {
  Pixels averaged = features;
  averaged.height /= 2;
  averaged.width /= 2;
  averaged.stride = features.channels;
  averaged.data = activated_.reserve(averaged.count() * averaged.channels);
  affine_relu_average2(features, block.norm.affine(), averaged);
  const Tensor read = tensor_of(averaged);
  watch(layer++, all_values(read));
  const Tensor reduced = block.transition->conv(read, Activation::none);
  const Pixels from = pixels_of(reduced);
  Pixels next = from;
  next.stride = next_channels;
  next.data = features_.reserve(next.count() * next.stride);
  copy_channels(from, next);
  return next;
}

void QuantizableDenseNet::run(const Tensor& pictures, float* logits, const Quantizable::Watch& watch) {
  Pixels features;
  {
    const Tensor stem = stem_(pictures, Activation::relu);
    const Pixels from = pixels_of(stem);
    const Extent extent = Extent{from.height, from.width}.after(3, 2, 1);
    features = {nullptr, from.batch, extent.height, extent.width, from.channels, blocks_.front().channels};
    features.data = features_.reserve(features.count() * features.stride);
    max_pool3(from, features);
  }
  std::size_t layer = 0;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    features = run_block(blocks_[i], features, watch, layer);
    if (blocks_[i].transition) features = run_transition(blocks_[i], features, blocks_[i + 1].channels, watch, layer);
  }
  float* pooled = activated_.reserve(features.batch * features.channels);
  affine_relu_mean(features, blocks_.back().norm.affine(), pooled);
  head_(pooled, features.batch, logits);
}

std::vector<bundle::StoredTensor> QuantizableDenseNet::quantized(std::span<const ByteScale> scales,
                                                                 const std::vector<bool>& kept) const {
  std::vector<bundle::StoredTensor> tensors = unchanged_;
  const auto append = [&](const Folded& conv, std::size_t unit) {
    kept[unit] ? append_kept(conv.folded, conv.name, tensors) : append_quantized(conv.folded, conv.name, tensors);
  };
  std::size_t unit = 0;
  for (const Block& block : blocks_) {
    for (const auto& layer : block.layers) {
      append(layer.bottleneck, unit);
      append(layer.conv, unit++);
    }
    if (block.transition) append(*block.transition, unit++);
  }
  for (std::size_t i = 0; i < units_.size(); ++i) {
    if (kept[i]) continue;
    for (const std::size_t layer : units_[i].layers) append_scale(scales[layer], layers_[layer], tensors);
  }
  return tensors;
}

}  // namespace mediscan::backend::torch
