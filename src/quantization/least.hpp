// The least number that will do, where trying one is costly.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>

namespace mediscan::quantization {

/// A number from 1 to `most` that `does`, found by doubling until one does and halving the way back to the last that
/// did not: the least, where every number over one that does does, too. Nothing when none that was tried does, `most`
/// among them. Tries at most 2 log2(most) + 2 numbers, none twice.
std::optional<std::size_t> least_that(std::size_t most, const std::function<bool(std::size_t)>& does);

}  // namespace mediscan::quantization
