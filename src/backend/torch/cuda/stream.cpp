#include "backend/torch/cuda/stream.hpp"

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "backend/torch/tensor.hpp"

namespace mediscan::backend::torch {
namespace {

/// Streams between two owners, by who made them.
struct Idle {
  std::mutex mutex;
  std::map<std::pair<const CudaFunctions*, std::int32_t>, std::vector<StreamHandle>> streams;
};

Idle& idle() {
  // Never destroyed: sessions may end during static destruction.
  static auto* instance = new Idle;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
  return *instance;
}

StreamHandle make_stream(const CudaFunctions& cuda, std::int32_t device_index) {
  DeviceGuardHandle guard = nullptr;
  detail::check(cuda.aoti_torch_create_cuda_guard(device_index, &guard), "create_cuda_guard");
  StreamHandle stream = nullptr;
  const CudaStatus status = cuda.cudaStreamCreateWithFlags(&stream, cuda_stream_non_blocking);
  (void)cuda.aoti_torch_delete_cuda_guard(guard);
  check_cuda(cuda, status, "cudaStreamCreateWithFlags");
  return stream;
}

}  // namespace

CudaStream::CudaStream(const CudaFunctions& cuda, std::int32_t device_index)
    : cuda_(cuda), device_index_(device_index) {
  {
    const std::lock_guard lock(idle().mutex);
    auto& streams = idle().streams[{&cuda, device_index}];
    streams.reserve(streams.size() + 1);
    if (!streams.empty()) {
      stream_ = streams.back();
      streams.pop_back();
    }
  }
  if (stream_ == nullptr) stream_ = make_stream(cuda, device_index);
}

CudaStream::~CudaStream() {
  const std::lock_guard lock(idle().mutex);
  try {
    idle().streams[{&cuda_, device_index_}].push_back(stream_);
  } catch (const std::bad_alloc&) {  // then it is never used again
    return;
  }
}

void CudaStream::synchronize() const {
  check_cuda(cuda_, cuda_.cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

StreamScope::StreamScope(const CudaFunctions& cuda, StreamHandle stream, std::int32_t device_index)
    : cuda_(cuda), gradients_before_(libtorch().aoti_torch_grad_mode_is_enabled()) {
  detail::check(cuda.aoti_torch_create_cuda_stream_guard(stream, device_index, &guard_), "create_cuda_stream_guard");
  libtorch().aoti_torch_grad_mode_set_enabled(false);
}

StreamScope::~StreamScope() {
  libtorch().aoti_torch_grad_mode_set_enabled(gradients_before_);
  (void)cuda_.aoti_torch_delete_cuda_stream_guard(guard_);
}

}  // namespace mediscan::backend::torch
