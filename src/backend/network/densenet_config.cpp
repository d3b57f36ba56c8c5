#include "backend/network/densenet_config.hpp"

#include <fmt/format.h>

#include "backend/network/stated.hpp"

namespace mediscan::backend {
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

std::int64_t DenseNetConfig::features() const {
  std::int64_t channels = init_features;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (i > 0) channels /= 2;
    channels += layers[i] * growth_rate;
  }
  return channels;
}

std::int64_t DenseNetConfig::minimum_side() const noexcept {
  std::int64_t side = 1;  // after the last block; each transition halves, rounding down
  for (std::size_t i = 1; i < layers.size(); ++i) side *= 2;
  return side * 4 - 3;  // the stem and its pool each leave (n + 1) / 2
}

}  // namespace mediscan::backend
