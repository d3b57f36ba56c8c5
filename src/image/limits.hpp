// Holding what a header announces against the caller's limits, before anything is allocated for it.
#pragma once

#include <mediscan/error.hpp>
#include <mediscan/options.hpp>

#include <cstddef>
#include <cstdint>

namespace mediscan::image {

/// Throws LIMIT_EXCEEDED for max_side, max_pixels or max_decoded_bytes, in this order. Sizes are at least 1.
void check_size(std::uint32_t width, std::uint32_t height, std::uint32_t bytes_per_pixel, const Limits& limits);

/// Throws LIMIT_EXCEEDED for max_file_bytes.
void check_file_bytes(std::size_t bytes, const Limits& limits);

/// LIMIT_EXCEEDED for max_decoded_bytes met while decoding; `what` says what needed more.
Error decoded_bytes_exceeded(const Limits& limits, const char* what);

}  // namespace mediscan::image
