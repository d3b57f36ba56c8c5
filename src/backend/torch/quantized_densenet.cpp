#include "backend/torch/quantized_densenet.hpp"

#include "backend/torch/network.hpp"

namespace mediscan::backend::torch {
namespace {

BytePixels bytes_like(const Pixels& pixels, Scratch& memory) {
  return {memory.reserve_bytes(pixels.count() * pixels.channels), pixels.batch, pixels.height, pixels.width,
          pixels.channels};
}

Pixels floats_like(const Pixels& pixels, Scratch& memory) {
  return {memory.reserve(pixels.count() * pixels.channels),
          pixels.batch,
          pixels.height,
          pixels.width,
          pixels.channels,
          pixels.channels};
}

}  // namespace

QuantizedDenseNet::QuantizedDenseNet(Weights& weights, const DenseNetConfig& config)
    : stem_(weights, {config.in_channels, config.init_features, 7, 2, 3}, "features.conv0", "features.norm0"),
      blocks_(take_dense_blocks<Activated>(
          weights, config,
          [&](const ConvShape& shape, const std::string& conv, const std::string& norm) {
            // What a batch-norm is folded into gives bytes to the next convolution, the others give features.
            return Activated{MixedConv::take(weights, shape, conv, norm.empty() ? Gives::floats : Gives::bytes), {}};
          })),
      head_(weights, "classifier", config.features(), config.outputs),
      minimum_side_(config.minimum_side()) {
  for (Block& block : blocks_) {
    for (auto& layer : block.layers) {
      require_alike(weights, layer.bottleneck.conv, layer.conv.conv);
      if (layer.bottleneck.conv.of_bytes()) layer.bottleneck.input = weights.take_quantization(layer.norm.name);
    }
    if (block.transition && block.transition->conv.of_bytes()) {
      block.transition->input = weights.take_quantization(block.norm.name);
    }
  }
}

void QuantizedDenseNet::pack(const Target& target, Extent input) {
  Extent extent = stem_.pack(target, input).after(3, 2, 1);
  for (Block& block : blocks_) {
    for (auto& layer : block.layers) {
      layer.bottleneck.conv.pack(target, extent, layer.bottleneck.input);
      if (layer.bottleneck.conv.of_bytes()) layer.conv.input = layer.bottleneck.conv.quantized().output();
      layer.conv.conv.pack(target, extent, layer.conv.input);
    }
    if (block.transition) {
      extent = block.transition->conv.pack(target, extent.after(2, 2, 0), block.transition->input);
    }
  }
}

Tensor QuantizedDenseNet::run_layer(const DenseLayer<Activated>& layer, const Pixels& features) {
  if (layer.bottleneck.conv.of_bytes()) {
    const BytePixels activated = bytes_like(features, activated_);
    affine_relu(features, layer.norm.affine(), layer.bottleneck.input, activated);
    const Tensor narrow = layer.bottleneck.conv.quantized()(tensor_of(activated), Activation::relu);
    return layer.conv.conv.quantized()(narrow, Activation::none);
  }
  const Pixels activated = floats_like(features, activated_);
  affine_relu(features, layer.norm.affine(), activated);
  return layer.conv.conv.real()(layer.bottleneck.conv.real()(tensor_of(activated), Activation::relu), Activation::none);
}

Pixels QuantizedDenseNet::run_block(const Block& block, Pixels features) {
  for (const auto& layer : block.layers) {
    const Tensor fresh = run_layer(layer, features);
    append_channels(pixels_of(fresh), features);
  }
  return features;
}

// Averages before the 1x1 convolution, as DenseNet does.
Pixels QuantizedDenseNet::run_transition(const Block& block, const Pixels& features, std::int64_t next_channels) {
  Pixels half = features;
  half.height /= 2;
  half.width /= 2;
  Tensor reduced;
  if (block.transition->conv.of_bytes()) {
    const BytePixels averaged = bytes_like(half, activated_);
    affine_relu_average2(features, block.norm.affine(), block.transition->input, averaged);
    reduced = block.transition->conv.quantized()(tensor_of(averaged), Activation::none);
  } else {
    const Pixels averaged = floats_like(half, activated_);
    affine_relu_average2(features, block.norm.affine(), averaged);
    reduced = block.transition->conv.real()(tensor_of(averaged), Activation::none);
  }
  const Pixels from = pixels_of(reduced);
  Pixels next = from;
  next.stride = next_channels;
  next.data = features_.reserve(next.count() * next.stride);
  copy_channels(from, next);
  return next;
}

void QuantizedDenseNet::run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled) {
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
