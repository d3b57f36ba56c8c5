// How much heap a Result takes, so that a bound in bytes is one. An estimate: it counts what malloc hands out in the
// usual 64-bit C library, with its own overhead.
#pragma once

#include <cstddef>
#include <mediscan/result.hpp>

namespace mediscan::cache {

/// Bytes that a block of `size` really occupies.
std::size_t heap_block(std::size_t size) noexcept;

/// What the result's members keep on the heap, without the struct itself.
std::size_t heap_bytes(const Result& result) noexcept;

}  // namespace mediscan::cache
