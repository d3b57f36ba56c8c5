#include "backend/network/resnet_config.hpp"

#include <fmt/format.h>

#include "backend/network/stated.hpp"

namespace mediscan::backend {
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

}  // namespace mediscan::backend
