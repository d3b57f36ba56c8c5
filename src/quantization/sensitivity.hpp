// Which units of a network suffer most from int8, measured: each alone in int8, all others in float32, through the very
// arithmetic that will serve.
#pragma once

#include <mediscan/quantize.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "backend/quantizable.hpp"

namespace mediscan::quantization {

/// One of Quantizable::units(), and the root mean square difference of the logits that count (bundle/outcome.hpp) from
/// fp32's when this unit alone is int8.
struct UnitError {
  std::size_t unit = 0;
  double logit_error = 0;
};

/// How many pictures are used at most, evenly among those given.
inline constexpr std::size_t sensitivity_pictures = 16;

/// Every unit, the worst first. `scales` are those of the layers. Throws what opening and running an int8 session does.
std::vector<UnitError> rank_units(backend::Quantizable& network, const Bundle& bundle,
                                  std::span<const backend::ByteScale> scales,
                                  std::span<const std::filesystem::path> pictures, const QuantizeOptions& options);

}  // namespace mediscan::quantization
