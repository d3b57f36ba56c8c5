// The recipe run into memory that the caller owns, so that a batch is filled in place. The room's namespace is `recipe`, since
// mediscan::preprocess is the public function.
#pragma once

#include <cstdint>
#include <mediscan/preprocess.hpp>
#include <span>
#include <utility>

namespace mediscan::recipe {

/// Height and width of the tensor that `spec` makes of a picture of this size. Throws as mediscan::preprocess.
std::pair<std::uint32_t, std::uint32_t> output_size(std::uint32_t height, std::uint32_t width, const PreprocessSpec& spec);

/// As mediscan::preprocess, written to `out`, whose size must be channels x height x width of output_size (INVALID_ARGUMENT otherwise).
void preprocess_into(const Image& image, const PreprocessSpec& spec, std::span<float> out);

}  // namespace mediscan::recipe
