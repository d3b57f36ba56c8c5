#include "backend/torch/densenet.hpp"

#include "backend/torch/network.hpp"

namespace mediscan::backend::torch {
namespace {

// What differs between float32 and bfloat16, by the type of the pictures.
void reserve(Scratch& memory, Pixels& pixels) { pixels.data = memory.reserve(pixels.count() * pixels.stride); }
void reserve(Scratch& memory, HalfPixels& pixels) {
  pixels.data = memory.reserve_halves(pixels.count() * pixels.stride);
}
void view(const Tensor& tensor, Pixels& pixels) { pixels = pixels_of(tensor); }
void view(const Tensor& tensor, HalfPixels& pixels) { pixels = half_pixels_of(tensor); }

}  // namespace

DenseNet::DenseNet(Weights& weights, const DenseNetConfig& config)
    : stem_(weights, {config.in_channels, config.init_features, 7, 2, 3}, "features.conv0", "features.norm0"),
      blocks_(take_dense_blocks<Conv>(weights, config,
                                      [&](const ConvShape& shape, const std::string& conv, const std::string& norm) {
                                        return Conv(weights, shape, conv, norm);
                                      })),
      head_(weights, "classifier", config.features(), config.outputs),
      minimum_side_(config.minimum_side()) {}

void DenseNet::pack(const Target& target, Extent input) {
  precision_ = target.precision;
  Extent extent = stem_.pack(target, input).after(3, 2, 1);
  for (Block& block : blocks_) {
    for (auto& layer : block.layers) {
      layer.bottleneck.pack(target, extent);
      layer.conv.pack(target, extent);
    }
    if (block.transition) extent = block.transition->pack(target, extent.after(2, 2, 0));
  }
}

template <class Numbers>
Numbers DenseNet::run_block(const Block& block, Numbers features) {
  for (const auto& layer : block.layers) {
    Numbers activated = features;
    activated.stride = features.channels;
    reserve(activated_, activated);
    affine_relu(features, layer.norm.affine(), activated);
    const Tensor fresh = layer.conv(layer.bottleneck(tensor_of(activated), Activation::relu), Activation::none);
    Numbers from;
    view(fresh, from);
    append_channels(from, features);
  }
  return features;
}

// Averaging before the 1x1 convolution instead of after it: both are linear, so the result is the same, for a quarter
// of the work.
template <class Numbers>
Numbers DenseNet::run_transition(const Block& block, const Numbers& features, std::int64_t next_channels) {
  Numbers averaged = features;
  averaged.height /= 2;
  averaged.width /= 2;
  averaged.stride = features.channels;
  reserve(activated_, averaged);
  affine_relu_average2(features, block.norm.affine(), averaged);
  const Tensor reduced = (*block.transition)(tensor_of(averaged), Activation::none);
  Numbers from;
  view(reduced, from);
  Numbers next = from;
  next.stride = next_channels;
  reserve(features_, next);
  copy_channels(from, next);
  return next;
}

template <class Numbers>
void DenseNet::run_blocks(Tensor stem, float* logits, const std::atomic<bool>& cancelled) {
  Numbers from;
  view(stem, from);
  const Extent extent = Extent{from.height, from.width}.after(3, 2, 1);
  Numbers features{nullptr, from.batch, extent.height, extent.width, from.channels, blocks_.front().channels};
  reserve(features_, features);
  max_pool3(from, features);
  stem = {};
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    stop_if(cancelled);
    features = run_block(blocks_[i], features);
    if (blocks_[i].transition) features = run_transition(blocks_[i], features, blocks_[i + 1].channels);
  }
  float* pooled = activated_.reserve(features.batch * features.channels);
  affine_relu_mean(features, blocks_.back().norm.affine(), pooled);
  head_(pooled, features.batch, logits);
}

void DenseNet::run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled) {
  if (precision_ == Precision::bf16) {
    run_blocks<HalfPixels>(stem_(rounded_to_bf16(pictures, pictures_), Activation::relu), logits, cancelled);
  } else {
    run_blocks<Pixels>(stem_(pictures, Activation::relu), logits, cancelled);
  }
}

}  // namespace mediscan::backend::torch
