#include "backend/torch/cuda/pinned.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mediscan::backend::torch {

PinnedMemory::PinnedMemory(const CudaFunctions& cuda, std::size_t bytes) : cuda_(&cuda), size_(bytes) {
  constexpr unsigned int default_flags = 0;
  check_cuda(cuda, cuda.cudaHostAlloc(&data_, bytes, default_flags), "cudaHostAlloc");
}

PinnedMemory::~PinnedMemory() {
  if (data_ != nullptr) (void)cuda_->cudaFreeHost(data_);
}

PinnedMemory::PinnedMemory(PinnedMemory&& other) noexcept
    : cuda_(other.cuda_), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

PinnedMemory& PinnedMemory::operator=(PinnedMemory&& other) noexcept {
  std::swap(cuda_, other.cuda_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

PinnedRing::PinnedRing(const CudaFunctions& cuda, std::size_t slot_bytes) : cuda_(cuda) {
  for (Slot& slot : slots_) slot.memory = PinnedMemory(cuda, slot_bytes);
  for (Slot& slot : slots_) {
    const CudaStatus status = cuda.cudaEventCreateWithFlags(&slot.copied, cuda_event_disable_timing);
    if (status == 0) continue;
    if (slots_.front().copied != nullptr) (void)cuda.cudaEventDestroy(slots_.front().copied);
    check_cuda(cuda, status, "cudaEventCreateWithFlags");
  }
}

PinnedRing::~PinnedRing() {
  for (Slot& slot : slots_) {
    if (slot.under_way) (void)cuda_.cudaEventSynchronize(slot.copied);  // the device reads the memory until then
    (void)cuda_.cudaEventDestroy(slot.copied);
  }
}

void PinnedRing::upload(const void* from, void* to, std::size_t bytes, StreamHandle stream) {
  for (std::size_t done = 0; done < bytes;) {
    Slot& slot = slots_[next_];
    next_ = (next_ + 1) % slots_.size();
    if (slot.under_way) check_cuda(cuda_, cuda_.cudaEventSynchronize(slot.copied), "cudaEventSynchronize");
    slot.under_way = false;
    const std::size_t part = std::min(bytes - done, slot.memory.size());
    std::memcpy(slot.memory.data(), static_cast<const std::byte*>(from) + done, part);
    check_cuda(cuda_,
               cuda_.cudaMemcpyAsync(static_cast<std::byte*>(to) + done, slot.memory.data(), part, cuda_host_to_device,
                                     stream),
               "cudaMemcpyAsync");
    check_cuda(cuda_, cuda_.cudaEventRecord(slot.copied, stream), "cudaEventRecord");
    slot.under_way = true;
    done += part;
  }
}

}  // namespace mediscan::backend::torch
