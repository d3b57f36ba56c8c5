// Which set of inner loops this machine runs.
#pragma once

#include <string_view>

#include "preprocess/resize_kernels.hpp"

namespace mediscan::recipe {

enum class SimdLevel { portable, avx2, avx512 };

std::string_view name_of(SimdLevel level) noexcept;

/// What the processor and this build have.
SimdLevel best_simd_level() noexcept;

/// `best`, lowered to what `requested` ("" for no wish, else "portable", "avx2" or "avx512") says; a wish for more than
/// `best` gives `best`. Throws INVALID_ARGUMENT for any other word.
SimdLevel chosen_simd_level(std::string_view requested, SimdLevel best);

const Kernels& kernels_of(SimdLevel level) noexcept;

/// The kernels of the level that MEDISCAN_SIMD (read on first use) and the processor allow. Throws INVALID_ARGUMENT.
const Kernels& active_kernels();

}  // namespace mediscan::recipe
