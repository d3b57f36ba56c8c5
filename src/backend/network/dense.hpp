// The blocks of a densely connected network whatever arithmetic its convolutions have: which there are, of which shape,
// under which names. densenet.hpp and quantized_densenet.hpp run them.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/network/densenet_config.hpp"
#include "backend/network/folded_conv.hpp"
#include "backend/network/kernels.hpp"
#include "backend/network/weights.hpp"

namespace mediscan::backend {

/// A batch-norm that acts on features side by side and so cannot be folded into a convolution.
struct ChannelNorm {
  ChannelNorm() = default;
  ChannelNorm(Weights& weights, std::string batch_norm, std::int64_t channels) : name(std::move(batch_norm)) {
    const BatchNorm norm = BatchNorm::take(weights, name, channels);
    scale.assign(norm.scale.begin(), norm.scale.end());
    shift.assign(norm.shift.begin(), norm.shift.end());
  }
  [[nodiscard]] Affine affine() const { return {scale, shift}; }

  std::string name;
  std::vector<float> scale;
  std::vector<float> shift;
};

/// Reads all features of its block that are there, and adds its own behind them.
template <class Convolution>
struct DenseLayer {
  std::string name;
  ChannelNorm norm;
  Convolution bottleneck;  // with norm2 folded in
  Convolution conv;
};

template <class Convolution>
struct DenseBlock {
  std::vector<DenseLayer<Convolution>> layers;
  std::int64_t channels = 0;              // with all layers' features
  ChannelNorm norm;                       // of the transition, or the network's last
  std::optional<Convolution> transition;  // from one block to the next
};

/// Takes the blocks in the order in which they run, and their norms. `take` makes a convolution of its shape, its name
/// and that of the batch-norm to fold in, which is empty where there is none.
template <class Convolution, class Take>
std::vector<DenseBlock<Convolution>> take_dense_blocks(Weights& weights, const DenseNetConfig& config,
                                                       const Take& take) {
  const std::int64_t bottleneck = config.bn_size * config.growth_rate;
  std::vector<DenseBlock<Convolution>> blocks;
  std::int64_t channels = config.init_features;
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    DenseBlock<Convolution>& block = blocks.emplace_back();
    for (std::uint32_t j = 0; j < config.layers[i]; ++j) {
      DenseLayer<Convolution>& layer = block.layers.emplace_back();
      layer.name = fmt::format("features.denseblock{}.denselayer{}", i + 1, j + 1);
      layer.norm = ChannelNorm(weights, layer.name + ".norm1", channels);
      layer.bottleneck = take(ConvShape{channels, bottleneck, 1, 1, 0}, layer.name + ".conv1", layer.name + ".norm2");
      layer.conv = take(ConvShape{bottleneck, config.growth_rate, 3, 1, 1}, layer.name + ".conv2", std::string());
      channels += config.growth_rate;
    }
    block.channels = channels;
    if (i + 1 == config.layers.size()) {
      block.norm = ChannelNorm(weights, "features.norm5", channels);
    } else {
      const std::string name = fmt::format("features.transition{}", i + 1);
      block.norm = ChannelNorm(weights, name + ".norm", channels);
      block.transition.emplace(take(ConvShape{channels, channels / 2, 1, 1, 0}, name + ".conv", std::string()));
      channels /= 2;
    }
  }
  return blocks;
}

}  // namespace mediscan::backend
