// The memory that captured graphs compute in. A graph holds addresses, so nothing else may ever be given them, and
// LibTorch's allocator must never hand them back to CUDA. Its C ABI knows no private pools; an arena gets the same from
// two of the allocator's rules: memory of one stream serves that stream alone, and a segment goes back only when all of
// it is free. So an arena is a stream that nothing but captures allocate on, with segments that an anchor stays in.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/torch/cuda/stream.hpp"
#include "backend/torch/tensor.hpp"

namespace mediscan::backend::torch {

/// Bytes of a device's memory from LibTorch's allocator, on the current stream.
using AllocateBytes = std::function<Tensor(std::int64_t)>;

class CaptureArena {
 public:
  /// An arena of at least `bytes` for intermediate results of more than 1 MiB, and some room for smaller ones: one that
  /// was given back, or a new one. Throws OUT_OF_MEMORY; BACKEND_FAILED when the allocator keeps other rules.
  static std::unique_ptr<CaptureArena> take(const CudaFunctions& cuda, std::int32_t device_index,
                                            const AllocateBytes& allocate, std::int64_t bytes);
  /// Keeps it for the next who takes one, unless it is spoiled. No graph may use it any more.
  static void give_back(std::unique_ptr<CaptureArena> arena) noexcept;
  /// Frees the arenas that nobody uses. True when there was one.
  static bool free_idle() noexcept;
  /// Why the allocator's settings (PYTORCH_ALLOC_CONF, PYTORCH_CUDA_ALLOC_CONF) make it keep other rules, or nothing.
  static std::optional<std::string> unsuitable_settings(const char* settings);

  ~CaptureArena() = default;
  CaptureArena(const CaptureArena&) = delete;
  CaptureArena& operator=(const CaptureArena&) = delete;

  /// For captures alone.
  [[nodiscard]] StreamHandle stream() const noexcept { return stream_; }
  [[nodiscard]] std::int64_t bytes() const noexcept { return bytes_; }
  /// Whether its stream may have memory without an anchor: graphs captured before are sound, a new one would not be.
  [[nodiscard]] bool spoiled() const noexcept { return spoiled_; }
  void spoil(bool spoiled) noexcept { spoiled_ = spoiled; }

 private:
  CaptureArena(const CudaFunctions& cuda, std::int32_t device_index, const AllocateBytes& allocate, std::int64_t bytes);
  void reserve_large(const AllocateBytes& allocate);
  void reserve_small(const AllocateBytes& allocate);

  const CudaFunctions& cuda_;
  std::int32_t device_index_;
  std::int64_t bytes_;
  bool spoiled_ = false;
  // New for this arena, so that it has no memory without an anchor, and never destroyed: the allocator would take a
  // later stream with its handle for it.
  StreamHandle stream_ = nullptr;
  std::vector<Tensor> anchors_;
};

}  // namespace mediscan::backend::torch
