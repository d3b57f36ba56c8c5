// A CUDA device that is played: the runtime is one of ours that copies, counts and fails on command, and "the device's
// memory" is the CPU's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "backend/torch/cuda/library.hpp"
#include "backend/torch/tensor.hpp"

namespace mediscan::backend::torch {

struct PlayedDevice {
  int scopes = 0;  // stream guards that are open
  int pinned = 0;  // page-locked blocks
  int events = 0;
  int streams = 0;
  int graphs = 0;  // instantiated and not destroyed
  int launches = 0;
  int captures = 0;
  bool capturing = false;
  std::size_t free_memory = std::size_t{8} << 30U;
  int pinned_left = -1;  // how many more page-locked blocks there are; -1: any number
  std::function<void()> when_capture_begins{};
  std::function<void()> while_capturing{};  // what happens on the device meanwhile
  CudaStatus end_of_capture = 0;
  CudaStatus of_launch = 0;
  CudaStatus of_synchronize = 0;
  CudaStatus of_download = 0;
  std::vector<std::byte> last_upload{};
  int fail_adds = 0;  // so many additions of the network fail
};

/// The one of the process.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): the runtime's functions have no context
inline PlayedDevice device;

/// Its runtime. Its additions of tensors are LibTorch's on the CPU.
const CudaFunctions& played();

/// Memory as LibTorch's allocator cuts it for an arena: a segment of its own for the large request, where the next one
/// begins when that is free again, and segments of 2 MiB for pairs of small ones.
class PlayedAllocator {
 public:
  Tensor operator()(std::int64_t bytes);

 private:
  using Memory = std::shared_ptr<std::vector<std::uint8_t>>;
  Memory large_;
  std::vector<Memory> segments_;
  int halves_ = 0;
};

}  // namespace mediscan::backend::torch
