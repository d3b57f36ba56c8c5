// The blocks of a residual network whatever arithmetic its convolutions have: which there are, of which shape, under
// which names. resnet.hpp and quantized_resnet.hpp run them.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/network/folded_conv.hpp"
#include "backend/network/resnet_config.hpp"

namespace mediscan::backend {

template <class Convolution>
struct ResidualBlock {
  std::vector<Convolution> convs;         // the last one adds the shortcut
  std::optional<Convolution> downsample;  // of the shortcut
};

template <class Convolution>
using ResidualStages = std::vector<std::vector<ResidualBlock<Convolution>>>;

/// Takes a block named `name` that stands on `in` channels. `take` makes a convolution of its shape, its name and that
/// of its batch-norm.
template <class Convolution, class Take>
ResidualBlock<Convolution> take_residual_block(const std::string& name, bool bottleneck, std::int64_t in,
                                               std::int64_t planes, std::int64_t stride, const Take& take) {
  const auto conv = [&](const ConvShape& shape, int number) {
    return take(shape, fmt::format("{}.conv{}", name, number), fmt::format("{}.bn{}", name, number));
  };
  ResidualBlock<Convolution> block;
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
    block.downsample.emplace(take(ConvShape{in, out, 1, stride, 0}, name + ".downsample.0", name + ".downsample.1"));
  }
  return block;
}

/// Takes the blocks of all stages, in the order in which they run.
template <class Convolution, class Take>
ResidualStages<Convolution> take_residual_stages(const ResNetConfig& config, const Take& take) {
  ResidualStages<Convolution> stages;
  std::int64_t in = config.width;
  for (std::size_t stage = 0; stage < config.layers.size(); ++stage) {
    const std::int64_t planes = config.width << stage;
    auto& blocks = stages.emplace_back();
    for (std::uint32_t i = 0; i < config.layers[stage]; ++i) {
      const std::int64_t stride = i == 0 && stage > 0 ? 2 : 1;
      blocks.push_back(take_residual_block<Convolution>(fmt::format("layer{}.{}", stage + 1, i), config.bottleneck, in,
                                                        planes, stride, take));
      in = config.bottleneck ? planes * 4 : planes;
    }
  }
  return stages;
}

}  // namespace mediscan::backend
