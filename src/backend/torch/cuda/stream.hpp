// Streams of a device, and LibTorch computing on one of them. Streams are kept and used again: LibTorch's allocator
// keeps memory for each stream that it ever saw, and a new one for every model loaded would hoard it.
#pragma once

#include <cstdint>

#include "backend/torch/cuda/library.hpp"

namespace mediscan::backend::torch {

/// A stream that nobody else uses, until it is given back by the destructor. What ran on it must have ended by then.
class CudaStream {
 public:
  /// Throws OUT_OF_MEMORY, BACKEND_FAILED.
  CudaStream(const CudaFunctions& cuda, std::int32_t device_index);
  ~CudaStream();
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;

  [[nodiscard]] StreamHandle handle() const noexcept { return stream_; }
  /// Waits for everything on it.
  void synchronize() const;

 private:
  const CudaFunctions& cuda_;
  std::int32_t device_index_;
  StreamHandle stream_ = nullptr;
};

/// As long as it lives LibTorch computes on this stream, and without gradients, in the calling thread. The thread's own
/// device, stream and mode come back afterwards. Scopes nest.
class StreamScope {
 public:
  StreamScope(const CudaFunctions& cuda, StreamHandle stream, std::int32_t device_index);
  ~StreamScope();
  StreamScope(const StreamScope&) = delete;
  StreamScope& operator=(const StreamScope&) = delete;

 private:
  const CudaFunctions& cuda_;
  bool gradients_before_;
  StreamGuardHandle guard_ = nullptr;
};

}  // namespace mediscan::backend::torch
