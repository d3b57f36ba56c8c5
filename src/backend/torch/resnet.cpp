#include "backend/torch/resnet.hpp"

#include <fmt/format.h>

#include "backend/torch/network.hpp"
#include "backend/torch/stated.hpp"

namespace mediscan::backend::torch {
namespace {

/// "resnet" with its numbers in the manifest.
ResNetConfig stated_config(const Architecture& architecture) {
  ResNetConfig config;
  if (architecture.block != "basic" && architecture.block != "bottleneck") {
    reject_stated("resnet", "block",
                  fmt::format("found {}, expected \"basic\" or \"bottleneck\"",
                              architecture.block ? '"' + *architecture.block + '"' : "none"));
  }
  config.bottleneck = architecture.block == "bottleneck";
  if (architecture.layers.size() != config.layers.size())
    reject_stated("resnet", "layers", fmt::format("found {} numbers, expected 4", architecture.layers.size()));
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    config.layers[i] = stated_in_range("resnet", "layers", architecture.layers[i], 256);
  }
  config.width = stated_in_range("resnet", "width", architecture.width.value_or(64), 1024);
  return config;
}

}  // namespace

std::optional<ResNetConfig> ResNetConfig::from(const Architecture& architecture) {
  ResNetConfig config;
  if (architecture.name == "resnet18") {
    config.layers = {2, 2, 2, 2};
  } else if (architecture.name == "resnet34") {
    config.layers = {3, 4, 6, 3};
  } else if (architecture.name == "resnet50") {
    config = {true, {3, 4, 6, 3}};
  } else if (architecture.name == "resnet101") {
    config = {true, {3, 4, 23, 3}};
  } else if (architecture.name == "resnet152") {
    config = {true, {3, 8, 36, 3}};
  } else if (architecture.name == "resnet") {
    config = stated_config(architecture);
  } else {
    return std::nullopt;
  }
  config.in_channels = architecture.in_channels;
  config.outputs = architecture.outputs;
  return config;
}

ResNet::Block ResNet::take_block(Weights& weights, const std::string& name, bool bottleneck, std::int64_t in,
                                 std::int64_t planes, std::int64_t stride) {
  const auto conv = [&](const ConvShape& shape, int number) {
    return Conv(weights, shape, fmt::format("{}.conv{}", name, number), fmt::format("{}.bn{}", name, number));
  };
  Block block;
  const std::int64_t out = bottleneck ? planes * 4 : planes;
  if (bottleneck) {
    block.convs.push_back(conv({in, planes, 1, 1, 0}, 1));
    block.convs.push_back(conv({planes, planes, 3, stride, 1}, 2));
    block.convs.push_back(conv({planes, out, 1, 1, 0}, 3));
  } else {
    block.convs.push_back(conv({in, planes, 3, stride, 1}, 1));
    block.convs.push_back(conv({planes, planes, 3, 1, 1}, 2));
  }
  if (stride != 1 || in != out) {
    block.downsample.emplace(weights, ConvShape{in, out, 1, stride, 0}, name + ".downsample.0", name + ".downsample.1");
  }
  return block;
}

ResNet::ResNet(Weights& weights, const ResNetConfig& config)
    : stem_(weights, {config.in_channels, config.width, 7, 2, 3}, "conv1", "bn1") {
  std::int64_t in = config.width;
  for (std::size_t stage = 0; stage < config.layers.size(); ++stage) {
    const std::int64_t planes = config.width << stage;
    auto& blocks = stages_.emplace_back();
    for (std::uint32_t i = 0; i < config.layers[stage]; ++i) {
      const std::int64_t stride = i == 0 && stage > 0 ? 2 : 1;
      blocks.push_back(
          take_block(weights, fmt::format("layer{}.{}", stage + 1, i), config.bottleneck, in, planes, stride));
      in = config.bottleneck ? planes * 4 : planes;
    }
  }
  head_ = Linear(weights, "fc", in, config.outputs);
}

void ResNet::pack(const Target& target, Extent input) {
  Extent extent = stem_.pack(target, input).after(3, 2, 1);
  for (auto& stage : stages_) {
    for (Block& block : stage) {
      if (block.downsample) block.downsample->pack(target, extent);
      for (Conv& conv : block.convs) extent = conv.pack(target, extent);
    }
  }
}

Tensor ResNet::run_block(const Block& block, const Tensor& x) {
  Tensor y = x;
  for (std::size_t i = 0; i + 1 < block.convs.size(); ++i) y = block.convs[i](y, Activation::relu);
  const Tensor shortcut = block.downsample ? (*block.downsample)(x, Activation::none) : x;
  return block.convs.back().add_relu(y, shortcut);
}

void ResNet::run(const Tensor& pictures, float* logits, const std::atomic<bool>& cancelled) {
  Tensor x;
  {
    const Tensor stem = stem_(pictures, Activation::relu);
    const Pixels from = pixels_of(stem);
    const Extent extent = Extent{from.height, from.width}.after(3, 2, 1);
    Pixels to{nullptr, from.batch, extent.height, extent.width, from.channels, from.channels};
    to.data = pooled_.reserve(to.count() * to.channels);
    max_pool3(from, to);
    x = tensor_of(to);
  }
  for (const auto& stage : stages_) {
    stop_if(cancelled);
    for (const Block& block : stage) x = run_block(block, x);
  }
  const Pixels last = pixels_of(x);
  float* features = features_.reserve(last.batch * last.channels);
  mean_pixels(last, features);
  head_(features, last.batch, logits);
}

}  // namespace mediscan::backend::torch
