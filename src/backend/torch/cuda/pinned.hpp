// Page-locked host memory, which the device copies from and to without the CPU. Copies of it overlap with the filling
// of the next slot.
#pragma once

#include <array>
#include <cstddef>

#include "backend/torch/cuda/library.hpp"

namespace mediscan::backend::torch {

/// Page-locked memory of one owner.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  /// Throws OUT_OF_MEMORY, BACKEND_FAILED.
  PinnedMemory(const CudaFunctions& cuda, std::size_t bytes);
  ~PinnedMemory();
  PinnedMemory(PinnedMemory&& other) noexcept;
  PinnedMemory& operator=(PinnedMemory&& other) noexcept;

  [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(data_); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  const CudaFunctions* cuda_ = nullptr;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Two slots of page-locked memory on their way to the device in turn.
class PinnedRing {
 public:
  /// Of `slot_bytes` each. Throws OUT_OF_MEMORY, BACKEND_FAILED.
  PinnedRing(const CudaFunctions& cuda, std::size_t slot_bytes);
  ~PinnedRing();
  PinnedRing(const PinnedRing&) = delete;
  PinnedRing& operator=(const PinnedRing&) = delete;

  /// Queues the copy of `bytes` from any host memory to the device behind what the stream has. `from` may be changed
  /// once it returns; `to` is filled when the stream comes so far.
  void upload(const void* from, void* to, std::size_t bytes, StreamHandle stream);

  [[nodiscard]] std::size_t bytes() const noexcept { return 2 * slots_.front().memory.size(); }

 private:
  struct Slot {
    PinnedMemory memory;
    EventHandle copied = nullptr;
    bool under_way = false;
  };
  const CudaFunctions& cuda_;
  std::array<Slot, 2> slots_;
  std::size_t next_ = 0;
};

}  // namespace mediscan::backend::torch
