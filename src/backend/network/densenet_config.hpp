// The numbers that make one of the densely connected networks (Huang et al., "Densely Connected Convolutional
// Networks", 2016).
#pragma once

#include <mediscan/bundle.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace mediscan::backend {

struct DenseNetConfig {
  std::vector<std::uint32_t> layers;  // of each block
  std::int64_t growth_rate = 32;
  std::int64_t init_features = 64;
  std::int64_t bn_size = 4;
  std::int64_t in_channels = 3;
  std::int64_t outputs = 0;

  /// Nothing when `architecture` names no DenseNet. Throws BUNDLE_INVALID for numbers that make none.
  static std::optional<DenseNetConfig> from(const Architecture& architecture);

  /// Channels after the last block, which the head classifies.
  [[nodiscard]] std::int64_t features() const;
  /// Smallest height and width of a picture that leaves a pixel everywhere.
  [[nodiscard]] std::int64_t minimum_side() const noexcept;
};

}  // namespace mediscan::backend
