#include "backend/onednn/arena.hpp"

#include <numeric>
#include <utility>

namespace mediscan::backend::onednn {

void Arena::reserve(Slot slot, std::size_t bytes) {
  const auto i = static_cast<std::size_t>(slot);
  if (bytes <= sizes_[i]) return;
  Scratch larger;  // before the old memory goes: plans go on with that when there is no more
  places_[i] = larger.reserve_bytes(static_cast<std::int64_t>(bytes));
  memory_[i] = std::move(larger);
  sizes_[i] = bytes;
  ++generation_;
}

std::uint64_t Arena::bytes() const noexcept { return std::accumulate(sizes_.begin(), sizes_.end(), std::uint64_t{0}); }

}  // namespace mediscan::backend::onednn
