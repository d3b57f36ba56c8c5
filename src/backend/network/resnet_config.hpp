// The numbers that make one of the residual networks (He et al., "Deep Residual Learning for Image Recognition", 2015).
#pragma once

#include <mediscan/bundle.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace mediscan::backend {

struct ResNetConfig {
  bool bottleneck = false;
  std::array<std::uint32_t, 4> layers{};
  std::int64_t width = 64;  // channels of the stem; stage i computes in width x 2^i
  std::int64_t in_channels = 3;
  std::int64_t outputs = 0;

  /// Channels of the last stage, which the head classifies.
  [[nodiscard]] std::int64_t features() const noexcept { return (width << (layers.size() - 1)) * (bottleneck ? 4 : 1); }

  /// Nothing when `architecture` names no ResNet. Throws BUNDLE_INVALID for numbers that make none.
  static std::optional<ResNetConfig> from(const Architecture& architecture);
};

}  // namespace mediscan::backend
