// The memory of a picture's samples.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace mediscan::image {

struct FreePixels {
  // NOLINTNEXTLINE(*-no-malloc,*-owning-memory): posix_memalign's counterpart
  void operator()(std::byte* block) const noexcept { std::free(block); }
};
using PixelMemory = std::unique_ptr<std::byte[], FreePixels>;

/// `size` bytes, unwritten. Large blocks ask the kernel for huge pages: touching a 12-megapixel picture for the first
/// time costs 9000 page faults otherwise, a good part of the time of decoding it. Throws std::bad_alloc.
PixelMemory allocate_pixel_memory(std::size_t size);

}  // namespace mediscan::image
