// What a session of the built-in backends takes, checked before a library would reject it in the middle of the network.
#pragma once

#include <mediscan/backend.hpp>

#include <cstdint>

namespace mediscan::backend {

struct BatchLimits {
  std::uint32_t max_batch = 1;
  std::uint32_t channels = 3;
  std::uint32_t outputs = 1;
  std::int64_t smallest_side = 1;
  bool takes_samples = false;

  /// Throws INVALID_ARGUMENT that names what does not fit: memory, form, sizes, or a value that is not finite.
  void require(const BatchInput& input, const BatchOutput& output) const;
};

}  // namespace mediscan::backend
