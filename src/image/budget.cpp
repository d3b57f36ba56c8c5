#include "image/budget.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace mediscan::image {
namespace {

// Every block is preceded by its size, in as much room as keeps the block aligned for anything.
constexpr std::size_t header =
    alignof(std::max_align_t) < sizeof(std::size_t) ? sizeof(std::size_t) : alignof(std::max_align_t);

std::byte* start_of(void* block) { return static_cast<std::byte*>(block) - header; }

std::size_t size_of(void* block) {
  std::size_t size = 0;
  std::memcpy(&size, start_of(block), sizeof size);
  return size;
}

}  // namespace

void* ByteBudget::allocate(std::size_t size) noexcept {
  if (size > limit_ - in_use_) {
    exceeded_ = true;
    return nullptr;
  }
  // NOLINTNEXTLINE(cppcoreguidelines-no-malloc): this is the decoders' malloc
  auto* start = size > SIZE_MAX - header ? nullptr : static_cast<std::byte*>(std::calloc(size + header, 1));
  if (start == nullptr) {
    system_refused_ = true;
    return nullptr;
  }
  std::memcpy(start, &size, sizeof size);
  in_use_ += size;
  peak_ = std::max(peak_, in_use_);
  return start + header;
}

void* ByteBudget::reallocate(void* block, std::size_t size) noexcept {
  if (block == nullptr) return allocate(size);
  void* grown = allocate(size);  // both exist while bytes move, so both count
  if (grown == nullptr) return nullptr;
  std::memcpy(grown, block, std::min(size, size_of(block)));
  release(block);
  return grown;
}

void ByteBudget::release(void* block) noexcept {
  if (block == nullptr) return;
  in_use_ -= size_of(block);
  std::free(start_of(block));  // NOLINT(cppcoreguidelines-no-malloc): of allocate()
}

}  // namespace mediscan::image
