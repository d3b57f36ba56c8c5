#include "backend/torch/resnet.hpp"

#include "backend/torch/network.hpp"

namespace mediscan::backend::torch {
namespace {

Tensor run_block(const ResidualBlock<Conv>& block, const Tensor& x) {
  Tensor y = x;
  for (std::size_t i = 0; i + 1 < block.convs.size(); ++i) y = block.convs[i](y, Activation::relu);
  const Tensor shortcut = block.downsample ? (*block.downsample)(x, Activation::none) : x;
  return block.convs.back().add_relu(y, shortcut);
}

}  // namespace

ResNet::ResNet(Weights& weights, const ResNetConfig& config)
    : stem_(weights, {config.in_channels, config.width, 7, 2, 3}, "conv1", "bn1"),
      stages_(take_residual_stages<Conv>(config,
                                         [&](const ConvShape& shape, const std::string& conv, const std::string& norm) {
                                           return Conv(weights, shape, conv, norm);
                                         })),
      head_(weights, "fc", config.features(), config.outputs) {}

void ResNet::pack(const Target& target, Extent input) {
  precision_ = target.precision;
  Extent extent = stem_.pack(target, input).after(3, 2, 1);
  for (auto& stage : stages_) {
    for (auto& block : stage) {
      if (block.downsample) block.downsample->pack(target, extent);
      for (Conv& conv : block.convs) extent = conv.pack(target, extent);
    }
  }
}

Tensor ResNet::begin(const Tensor& pictures) { return pooled(stem_(pictures, Activation::relu), pooled_); }

Tensor ResNet::begin_in_bf16(const Tensor& pictures) {
  const Tensor stem = stem_(rounded_to_bf16(pictures, pictures_), Activation::relu);
  const HalfPixels from = half_pixels_of(stem);
  const Extent extent = Extent{from.height, from.width}.after(3, 2, 1);
  HalfPixels to{nullptr, from.batch, extent.height, extent.width, from.channels};
  to.data = pooled_.reserve_halves(to.count() * to.channels);
  max_pool3(from, to);
  return tensor_of(to);
}

void ResNet::run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled) {
  const bool halves = precision_ == Precision::bf16;
  Tensor x = halves ? begin_in_bf16(pictures) : begin(pictures);
  for (const auto& stage : stages_) {
    stop_if(cancelled);
    for (const auto& block : stage) x = run_block(block, x);
  }
  const auto sizes = x.sizes();  // batch, channels, height, width
  float* features = features_.reserve(sizes[0] * sizes[1]);
  if (halves) {
    mean_pixels(half_pixels_of(x), features);
  } else {
    mean_pixels(pixels_of(x), features);
  }
  head_(features, sizes[0], logits);
}

}  // namespace mediscan::backend::torch
