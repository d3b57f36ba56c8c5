#include "played_cuda.hpp"

#include <dlfcn.h>
#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "backend/torch/eager.hpp"
#include "backend/torch/libtorch.hpp"

namespace mediscan::backend::torch {
namespace {

template <class Handle>
Handle number(int value) {
  return reinterpret_cast<Handle>(static_cast<std::uintptr_t>(value));
}

EagerPlace::Add cpu_add() {
  static const auto add = reinterpret_cast<EagerPlace::Add>(
      ::dlsym(::dlopen(find_libtorch({}).library.c_str(), RTLD_NOW | RTLD_NOLOAD), "aoti_torch_cpu_add_Tensor"));
  return add;
}

}  // namespace

const CudaFunctions& played() {
  static const CudaFunctions functions = [] {
    CudaFunctions cuda;
    cuda.aoti_torch_create_cuda_guard = [](std::int32_t, DeviceGuardHandle* guard) -> Status {
      *guard = number<DeviceGuardHandle>(1);
      return 0;
    };
    cuda.aoti_torch_delete_cuda_guard = [](DeviceGuardHandle) -> Status { return 0; };
    cuda.aoti_torch_create_cuda_stream_guard = [](void* stream, std::int32_t, StreamGuardHandle* guard) -> Status {
      *guard = static_cast<StreamGuardHandle>(stream);
      ++device.scopes;
      return 0;
    };
    cuda.aoti_torch_delete_cuda_stream_guard = [](StreamGuardHandle) -> Status {
      --device.scopes;
      return 0;
    };
    cuda.aoti_torch_cuda_add_Tensor = [](TensorHandle a, TensorHandle b, double alpha, TensorHandle* sum) -> Status {
      if (device.fail_adds > 0) {
        --device.fail_adds;
        return 1;
      }
      return cpu_add()(a, b, alpha, sum);
    };
    cuda.cudaGetLastError = [] { return 0; };
    cuda.cudaGetErrorString = [](CudaStatus) { return "as played"; };
    cuda.cudaMemGetInfo = [](std::size_t* free, std::size_t* total) {
      *free = device.free_memory;
      *total = std::size_t{8} << 30U;
      return 0;
    };
    cuda.cudaHostAlloc = [](void** memory, std::size_t bytes, unsigned int) {
      if (device.pinned_left == 0) return cuda_out_of_memory;
      if (device.pinned_left > 0) --device.pinned_left;
      *memory = std::malloc(bytes);
      ++device.pinned;
      return 0;
    };
    cuda.cudaFreeHost = [](void* memory) {
      std::free(memory);
      --device.pinned;
      return 0;
    };
    cuda.cudaMemcpyAsync = [](void* to, const void* from, std::size_t bytes, int kind, StreamHandle) {
      if (kind == cuda_device_to_host && device.of_download != 0) return device.of_download;
      std::memcpy(to, from, bytes);
      if (kind == cuda_host_to_device) {
        const auto* memory = static_cast<const std::byte*>(from);
        device.last_upload.assign(memory, memory + bytes);
      }
      return 0;
    };
    cuda.cudaMemsetAsync = [](void* to, int value, std::size_t bytes, StreamHandle) {
      std::memset(to, value, bytes);
      return 0;
    };
    cuda.cudaStreamCreateWithFlags = [](StreamHandle* stream, unsigned int) {
      *stream = number<StreamHandle>(100 + ++device.streams);
      return 0;
    };
    cuda.cudaStreamSynchronize = [](StreamHandle) { return device.of_synchronize; };
    cuda.cudaEventCreateWithFlags = [](EventHandle* event, unsigned int) {
      *event = number<EventHandle>(++device.events);
      return 0;
    };
    cuda.cudaEventRecord = [](EventHandle, StreamHandle) { return 0; };
    cuda.cudaEventSynchronize = [](EventHandle) { return 0; };
    cuda.cudaEventDestroy = [](EventHandle) {
      --device.events;
      return 0;
    };
    cuda.cudaStreamBeginCapture = [](StreamHandle, int mode) {
      CHECK(mode == cuda_capture_relaxed);
      device.capturing = true;
      ++device.captures;
      if (device.when_capture_begins) device.when_capture_begins();
      return 0;
    };
    cuda.cudaStreamEndCapture = [](StreamHandle, GraphHandle* graph) {
      CHECK(device.capturing);
      device.capturing = false;
      if (device.while_capturing) device.while_capturing();
      *graph = number<GraphHandle>(1);
      return device.end_of_capture;
    };
    cuda.cudaGraphInstantiateWithFlags = [](GraphExecHandle* exec, GraphHandle, unsigned long long) {
      *exec = number<GraphExecHandle>(++device.graphs);
      return 0;
    };
    cuda.cudaGraphLaunch = [](GraphExecHandle, StreamHandle) {
      ++device.launches;
      return device.of_launch;
    };
    cuda.cudaGraphExecDestroy = [](GraphExecHandle) {
      --device.graphs;
      return 0;
    };
    cuda.cudaGraphDestroy = [](GraphHandle) { return 0; };
    return cuda;
  }();
  return functions;
}

namespace {

auto make(std::int64_t bytes) { return std::make_shared<std::vector<std::uint8_t>>(static_cast<std::size_t>(bytes)); }

Tensor view(std::uint8_t* data, std::int64_t bytes) {
  return Tensor::view(libtorch().aoti_torch_dtype_uint8(), data, std::array{bytes}, std::array{std::int64_t{1}});
}

}  // namespace

Tensor PlayedAllocator::operator()(std::int64_t bytes) {
  constexpr std::int64_t small = std::int64_t{1} << 20U;
  if (bytes > small) {
    if (!large_) large_ = make(bytes);
    return view(large_->data(), bytes);
  }
  if (halves_++ % 2 == 0) segments_.push_back(make(2 * small));
  return view(segments_.back()->data() + (halves_ % 2 == 0 ? small : 0), bytes);
}

}  // namespace mediscan::backend::torch
