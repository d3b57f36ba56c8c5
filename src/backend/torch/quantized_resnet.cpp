#include "backend/torch/quantized_resnet.hpp"

#include "backend/torch/network.hpp"

namespace mediscan::backend::torch {
namespace {

/// A block's output, and in `quantization` what its bytes stand for; goes in as that of `x`.
Tensor run_block(const ResidualBlock<QuantizedConv>& block, const Tensor& x, Quantization& quantization) {
  Tensor y = x;
  for (std::size_t i = 0; i + 1 < block.convs.size(); ++i) y = block.convs[i](y, Activation::relu);
  const QuantizedConv& last = block.convs.back();
  y = block.downsample ? last.add_relu(y, (*block.downsample)(x, Activation::none), block.downsample->output())
                       : last.add_relu(y, x, quantization);
  quantization = last.output();
  return y;
}

}  // namespace

QuantizedResNet::QuantizedResNet(Weights& weights, const ResNetConfig& config)
    : stem_(weights, {config.in_channels, config.width, 7, 2, 3}, "conv1", "bn1"),
      pooled_quantization_(weights.take_quantization("conv1")),
      stages_(take_residual_stages<QuantizedConv>(
          config, [&](const ConvShape& shape, const std::string& conv,
                      const std::string& /*norm*/) { return QuantizedConv(weights, shape, conv); })),
      head_(weights, "fc", config.features(), config.outputs) {}

void QuantizedResNet::pack(const Target& target, Extent input) {
  Extent extent = stem_.pack(target, input).after(3, 2, 1);
  Quantization quantization = pooled_quantization_;
  for (auto& stage : stages_) {
    for (auto& block : stage) {
      if (block.downsample) block.downsample->pack(target, extent, quantization);
      for (QuantizedConv& conv : block.convs) {
        extent = conv.pack(target, extent, quantization);
        quantization = conv.output();
      }
    }
  }
}

void QuantizedResNet::run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled) {
  Tensor x;
  {
    const Tensor stem = stem_(pictures, Activation::relu);
    const Pixels from = pixels_of(stem);
    const Extent extent = Extent{from.height, from.width}.after(3, 2, 1);
    BytePixels to{nullptr, from.batch, extent.height, extent.width, from.channels};
    to.data = pooled_.reserve_bytes(to.count() * to.channels);
    max_pool3(from, pooled_quantization_, to);
    x = Tensor::view_nhwc(to.data, {to.batch, to.channels, to.height, to.width});
  }
  Quantization quantization = pooled_quantization_;
  for (const auto& stage : stages_) {
    stop_if(cancelled);
    for (const auto& block : stage) x = run_block(block, x, quantization);
  }
  const auto sizes = x.sizes();  // batch, channels, height, width
  const BytePixels last{x.bytes(), sizes[0], sizes[2], sizes[3], sizes[1]};
  float* features = features_.reserve(last.batch * last.channels);
  mean_pixels(last, quantization, features);
  head_(features, last.batch, logits);
}

}  // namespace mediscan::backend::torch
