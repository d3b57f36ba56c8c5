#include "backend/torch/quantized_resnet.hpp"

#include "backend/torch/network.hpp"

namespace mediscan::backend::torch {

QuantizedResNet::QuantizedResNet(Weights& weights, const ResNetConfig& config)
    : stem_(weights, {config.in_channels, config.width, 7, 2, 3}, "conv1", "bn1"),
      pooled_quantization_(weights.take_quantization("conv1")),
      stages_(take_residual_stages<Layer>(
          config,
          [&](const ConvShape& shape, const std::string& conv, const std::string& /*norm*/) {
            return Layer{MixedConv::take(weights, shape, conv, Gives::bytes), {}};
          })),
      head_(weights, "fc", config.features(), config.outputs) {
  for (auto& stage : stages_) {
    for (Block& block : stage) {
      const MixedConv& first = block.convs.front().conv;
      for (const Layer& layer : block.convs) require_alike(weights, first, layer.conv);
      if (block.downsample) require_alike(weights, first, block.downsample->conv);
      for (Layer& layer : block.convs) {
        if (layer.conv.of_bytes()) layer.output = layer.conv.quantized().output();
      }
      Layer& last = block.convs.back();
      if (!last.conv.of_bytes()) last.output = weights.take_quantization(last.conv.name);
    }
  }
}

void QuantizedResNet::pack(const Target& target, Extent input) {
  Extent extent = stem_.pack(target, input).after(3, 2, 1);
  Quantization quantization = pooled_quantization_;
  for (auto& stage : stages_) {
    for (Block& block : stage) {
      if (block.downsample) block.downsample->conv.pack(target, extent, quantization);
      for (Layer& layer : block.convs) {
        extent = layer.conv.pack(target, extent, quantization);
        quantization = layer.output;
      }
    }
  }
}

Tensor QuantizedResNet::as_bytes(const Between& in) {
  if (in.bytes) return in.x;
  const Pixels from = pixels_of(in.x);
  const std::int64_t numbers = from.count() * from.channels;
  const BytePixels to{bytes_.reserve_bytes(numbers), from.batch, from.height, from.width, from.channels};
  to_bytes({from.data, static_cast<std::size_t>(numbers)}, in.quantization, to.data);
  return tensor_of(to);
}

Tensor QuantizedResNet::as_floats(const Between& in) {
  if (!in.bytes) return in.x;
  const BytePixels from = byte_pixels_of(in.x);
  const std::int64_t numbers = from.count() * from.channels;
  const Pixels to{floats_.reserve(numbers), from.batch, from.height, from.width, from.channels, from.channels};
  from_bytes({from.data, static_cast<std::size_t>(numbers)}, in.quantization, to.data);
  return tensor_of(to);
}

Tensor QuantizedResNet::run_in_bytes(const Block& block, const Tensor& x, const Quantization& quantization) {
  Tensor y = x;
  for (std::size_t i = 0; i + 1 < block.convs.size(); ++i) y = block.convs[i].conv.quantized()(y, Activation::relu);
  const QuantizedConv& last = block.convs.back().conv.quantized();
  if (!block.downsample) return last.add_relu(y, x, quantization);
  const QuantizedConv& downsample = block.downsample->conv.quantized();
  return last.add_relu(y, downsample(x, Activation::none), downsample.output());
}

Tensor QuantizedResNet::run_in_floats(const Block& block, const Tensor& x) {
  Tensor y = x;
  for (std::size_t i = 0; i + 1 < block.convs.size(); ++i) y = block.convs[i].conv.real()(y, Activation::relu);
  const Tensor shortcut = block.downsample ? block.downsample->conv.real()(x, Activation::none) : x;
  return block.convs.back().conv.real().add_relu(y, shortcut);
}

QuantizedResNet::Between QuantizedResNet::run_block(const Block& block, const Between& in) {
  const Layer& last = block.convs.back();
  if (last.conv.of_bytes()) return {run_in_bytes(block, as_bytes(in), in.quantization), last.output, true};
  return {run_in_floats(block, as_floats(in)), last.output, false};
}

QuantizedResNet::Between QuantizedResNet::begin(const Tensor& pictures) {
  const Tensor stem = stem_(pictures, Activation::relu);
  const Pixels from = pixels_of(stem);
  const Extent extent = Extent{from.height, from.width}.after(3, 2, 1);
  BytePixels to{nullptr, from.batch, extent.height, extent.width, from.channels};
  to.data = pooled_.reserve_bytes(to.count() * to.channels);
  max_pool3(from, pooled_quantization_, to);
  return {tensor_of(to), pooled_quantization_, true};
}

void QuantizedResNet::run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled) {
  Between between = begin(pictures);
  for (const auto& stage : stages_) {
    stop_if(cancelled);
    for (const Block& block : stage) between = run_block(block, between);
  }
  const auto sizes = between.x.sizes();  // batch, channels, height, width
  float* features = features_.reserve(sizes[0] * sizes[1]);
  if (between.bytes) {
    mean_pixels(byte_pixels_of(between.x), between.quantization, features);
  } else {
    mean_pixels(pixels_of(between.x), features);
  }
  head_(features, sizes[0], logits);
}

}  // namespace mediscan::backend::torch
