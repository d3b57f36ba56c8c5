// Memory for what is large and short-lived: pixels, tensors, encoded pictures. Blocks are kept for the next one of
// their size instead of going through malloc: there each thread's arena grows to the largest mix of pictures it ever
// saw, for weeks, and fresh pages cost a fault each. What is kept is bounded, over the whole process.
#pragma once

#include <cstddef>
#include <memory>

namespace mediscan::base {

struct FreeLarge {
  std::size_t size = 0;  ///< as it was asked for
  void operator()(std::byte* block) const noexcept;
};
using LargeMemory = std::unique_ptr<std::byte[], FreeLarge>;

/// `size` bytes, unwritten, aligned for any type. Small blocks are malloc's. Throws std::bad_alloc.
LargeMemory allocate_large(std::size_t size);

/// The same as numbers that several may share.
std::shared_ptr<float[]> allocate_floats(std::size_t count);

/// Bytes of free blocks that are kept at the moment; never more than max_kept_bytes.
std::size_t kept_bytes() noexcept;
inline constexpr std::size_t max_kept_bytes = std::size_t{64} << 20;

}  // namespace mediscan::base
