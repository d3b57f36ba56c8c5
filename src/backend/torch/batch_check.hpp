// What a session refuses of a batch before its network sees it: everything that LibTorch would otherwise reject in the
// middle of the network.
#pragma once

#include <mediscan/backend.hpp>

#include <cstdint>
#include <string>

namespace mediscan::backend::torch {

struct BatchLimits {
  std::uint32_t max_batch = 1;
  std::uint32_t channels = 0;
  std::uint32_t outputs = 0;
  std::int64_t smallest_side = 1;
};

/// Throws INVALID_ARGUMENT for a batch beyond the limits, or with values that are not finite.
void check_batch(const BatchInput& input, const BatchOutput& output, const BatchLimits& limits);

/// Throws UNSUPPORTED for an architecture that this backend has no network for.
[[noreturn]] void refuse_architecture(const std::string& name);

}  // namespace mediscan::backend::torch
