#include "image/pixel_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace mediscan::image {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t huge_page = std::size_t{2} << 20;

}  // namespace

PixelMemory allocate_pixel_memory(std::size_t size) {
  const bool large = size >= 2 * huge_page;
  void* block = nullptr;
  if (posix_memalign(&block, large ? huge_page : alignof(std::max_align_t), std::max<std::size_t>(size, 1)) != 0) {
    throw std::bad_alloc();
  }
  // Advice: where it is not taken, the memory is as good, only slower to touch.
  if (large) madvise(block, size / page * page, MADV_HUGEPAGE);
  return PixelMemory(static_cast<std::byte*>(block));
}

}  // namespace mediscan::image
