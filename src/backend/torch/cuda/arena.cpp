#include "backend/torch/cuda/arena.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <string_view>
#include <utility>

namespace mediscan::backend::torch {
namespace {

// LibTorch's CUDACachingAllocator: requests of up to 1 MiB come from segments of 2 MiB, larger ones from larger
// segments.
constexpr std::int64_t largest_small = std::int64_t{1} << 20U;
constexpr std::int64_t anchor_size = 2 * largest_small;
constexpr int small_segments = 16;

struct Idle {
  std::mutex mutex;
  std::vector<std::unique_ptr<CaptureArena>> arenas;
};

Idle& idle() {
  // Never destroyed: sessions may end during static destruction.
  static auto* instance = new Idle;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
  return *instance;
}

}  // namespace

std::unique_ptr<CaptureArena> CaptureArena::take(const CudaFunctions& cuda, std::int32_t device_index,
                                                 const AllocateBytes& allocate, std::int64_t bytes) {
  {
    const std::lock_guard lock(idle().mutex);
    auto& arenas = idle().arenas;
    const auto fits = [&](const std::unique_ptr<CaptureArena>& arena) {
      return &arena->cuda_ == &cuda && arena->device_index_ == device_index && arena->bytes_ >= bytes;
    };
    auto best = arenas.end();
    for (auto each = arenas.begin(); each != arenas.end(); ++each) {
      if (fits(*each) && (best == arenas.end() || (*each)->bytes_ < (*best)->bytes_)) best = each;
    }
    if (best != arenas.end()) {
      auto arena = std::move(*best);
      arenas.erase(best);
      return arena;
    }
  }
  return std::unique_ptr<CaptureArena>(new CaptureArena(cuda, device_index, allocate, bytes));
}

void CaptureArena::give_back(std::unique_ptr<CaptureArena> arena) noexcept {
  if (!arena || arena->spoiled()) return;
  try {
    const std::lock_guard lock(idle().mutex);
    idle().arenas.push_back(std::move(arena));
  } catch (const std::bad_alloc&) {  // then it is freed
    return;
  }
}

bool CaptureArena::free_idle() noexcept {
  std::vector<std::unique_ptr<CaptureArena>> freed;
  const std::lock_guard lock(idle().mutex);
  freed.swap(idle().arenas);
  return !freed.empty();
}

std::optional<std::string> CaptureArena::unsuitable_settings(const char* settings) {
  if (settings == nullptr) return std::nullopt;
  const std::string_view text = settings;
  for (const char* setting : {"expandable_segments:True", "backend:cudaMallocAsync"}) {
    if (text.find(setting) == std::string_view::npos) continue;
    return fmt::format("LibTorch's allocator is set to {}, with which no memory can be kept for graphs", setting);
  }
  return std::nullopt;
}

CaptureArena::CaptureArena(const CudaFunctions& cuda, std::int32_t device_index, const AllocateBytes& allocate,
                           std::int64_t bytes)
    : cuda_(cuda), device_index_(device_index), bytes_(std::max(bytes, 16 * anchor_size)) {
  check_cuda(cuda, cuda.cudaStreamCreateWithFlags(&stream_, cuda_stream_non_blocking), "cudaStreamCreateWithFlags");
  const StreamScope scope(cuda, stream_, device_index);
  reserve_large(allocate);
  reserve_small(allocate);
}

/// One segment of all bytes, and an anchor in it.
void CaptureArena::reserve_large(const AllocateBytes& allocate) {
  Tensor all = allocate(bytes_ + anchor_size);
  const std::uint8_t* const begin = all.bytes();
  all = Tensor();
  Tensor anchor = allocate(anchor_size);
  if (anchor.bytes() < begin || anchor.bytes() >= begin + bytes_ + anchor_size) {
    throw Error(ErrorCode::backend_failed, Stage::backend, "LibTorch's allocator does not cut its memory as expected");
  }
  anchors_.push_back(std::move(anchor));
}

/// Two halves of each segment: one is the anchor, the other is freed.
void CaptureArena::reserve_small(const AllocateBytes& allocate) {
  std::vector<Tensor> halves;
  halves.reserve(2 * small_segments);
  anchors_.reserve(anchors_.size() + 2 * small_segments);
  for (int i = 0; i < 2 * small_segments; ++i) halves.push_back(allocate(largest_small));
  const auto address = [](const Tensor& half) { return reinterpret_cast<std::uintptr_t>(half.bytes()); };
  std::ranges::sort(halves, {}, address);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    const bool second = i + 1 < halves.size() && address(halves[i]) + largest_small == address(halves[i + 1]);
    anchors_.push_back(std::move(halves[i]));
    if (second) halves[++i] = Tensor();
  }
}

}  // namespace mediscan::backend::torch
