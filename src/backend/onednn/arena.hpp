// The memory that the plans of a session share, since one runs at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "backend/network/kernels.hpp"

namespace mediscan::backend::onednn {

/// Places in memory. Each keeps what one layer writes until the layers that read it are done; `pictures` is the
/// caller's and is told to a plan when it runs.
enum class Slot : std::size_t { pictures, first, second, third, fourth, features, logits, scratch };
inline constexpr std::size_t slot_count = 8;

/// The memory behind the slots; grows while plans are made, never while one runs.
class Arena {
 public:
  /// Throws OUT_OF_MEMORY.
  void reserve(Slot slot, std::size_t bytes);
  [[nodiscard]] void* at(Slot slot) const noexcept { return places_[static_cast<std::size_t>(slot)]; }
  /// Rises when a place moves: plans then tell their memories where they are now.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  std::array<Scratch, slot_count> memory_;
  std::array<void*, slot_count> places_{};
  std::array<std::size_t, slot_count> sizes_{};
  std::uint64_t generation_ = 1;
};

}  // namespace mediscan::backend::onednn
