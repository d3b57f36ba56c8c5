// LibTorch's CUDA and the CUDA runtime that it runs on, as this library sees them: functions declared by us and
// resolved at run time from libtorch_cuda.so, whose dependency libcudart is. No other file loads them or knows their
// types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "backend/torch/libtorch.hpp"

// Opaque types of LibTorch's C ABI and of the CUDA runtime, under their own names so that libtorch_cuda_headers_test
// can compare the function types.
struct CUDAStreamGuardOpaque;
struct CUDAGuardOpaque;
struct CUstream_st;
struct CUevent_st;
struct CUgraph_st;
struct CUgraphExec_st;

namespace mediscan::backend::torch {

using StreamHandle = CUstream_st*;
using EventHandle = CUevent_st*;
using GraphHandle = CUgraph_st*;
using GraphExecHandle = CUgraphExec_st*;
using StreamGuardHandle = CUDAStreamGuardOpaque*;
using DeviceGuardHandle = CUDAGuardOpaque*;
using CudaStatus = int;  ///< cudaError_t: 0 is success

/// Functions of libtorch_cuda.so: result, name, parameters.
#define MEDISCAN_LIBTORCH_CUDA_FUNCTIONS(X)                                                 \
  X(Status, aoti_torch_create_cuda_guard, (std::int32_t, DeviceGuardHandle*))               \
  X(Status, aoti_torch_delete_cuda_guard, (DeviceGuardHandle))                              \
  X(Status, aoti_torch_create_cuda_stream_guard, (void*, std::int32_t, StreamGuardHandle*)) \
  X(Status, aoti_torch_delete_cuda_stream_guard, (StreamGuardHandle))                       \
  X(Status, aoti_torch_cuda_add_Tensor, (TensorHandle, TensorHandle, double, TensorHandle*))

/// Functions of libcudart: those that have been the same in CUDA 12 and 13. Enumerations are their integers.
#define MEDISCAN_CUDA_RUNTIME_FUNCTIONS(X)                                                          \
  X(CudaStatus, cudaRuntimeGetVersion, (int*))                                                      \
  X(CudaStatus, cudaGetLastError, ())                                                               \
  X(const char*, cudaGetErrorString, (CudaStatus))                                                  \
  X(CudaStatus, cudaMemGetInfo, (std::size_t*, std::size_t*))                                       \
  X(CudaStatus, cudaHostAlloc, (void**, std::size_t, unsigned int))                                 \
  X(CudaStatus, cudaFreeHost, (void*))                                                              \
  X(CudaStatus, cudaMemcpyAsync, (void*, const void*, std::size_t, int, StreamHandle))              \
  X(CudaStatus, cudaMemsetAsync, (void*, int, std::size_t, StreamHandle))                           \
  X(CudaStatus, cudaStreamCreateWithFlags, (StreamHandle*, unsigned int))                           \
  X(CudaStatus, cudaStreamSynchronize, (StreamHandle))                                              \
  X(CudaStatus, cudaEventCreateWithFlags, (EventHandle*, unsigned int))                             \
  X(CudaStatus, cudaEventRecord, (EventHandle, StreamHandle))                                       \
  X(CudaStatus, cudaEventSynchronize, (EventHandle))                                                \
  X(CudaStatus, cudaEventDestroy, (EventHandle))                                                    \
  X(CudaStatus, cudaStreamBeginCapture, (StreamHandle, int))                                        \
  X(CudaStatus, cudaStreamEndCapture, (StreamHandle, GraphHandle*))                                 \
  X(CudaStatus, cudaGraphInstantiateWithFlags, (GraphExecHandle*, GraphHandle, unsigned long long)) \
  X(CudaStatus, cudaGraphLaunch, (GraphExecHandle, StreamHandle))                                   \
  X(CudaStatus, cudaGraphExecDestroy, (GraphExecHandle))                                            \
  X(CudaStatus, cudaGraphDestroy, (GraphHandle))

/// Values of the CUDA runtime's enumerations.
constexpr CudaStatus cuda_out_of_memory = 2;           // cudaErrorMemoryAllocation
constexpr int cuda_host_to_device = 1;                 // cudaMemcpyHostToDevice
constexpr int cuda_device_to_host = 2;                 // cudaMemcpyDeviceToHost
constexpr unsigned int cuda_stream_non_blocking = 1;   // cudaStreamNonBlocking
constexpr unsigned int cuda_event_disable_timing = 2;  // cudaEventDisableTiming
constexpr int cuda_capture_relaxed = 2;                // cudaStreamCaptureModeRelaxed

/// The functions, by their own names. A test may make one of its own.
struct CudaFunctions {
  // NOLINTBEGIN(bugprone-macro-parentheses): declarations cannot have them
#define MEDISCAN_DECLARE(result, name, parameters) result(*name) parameters = nullptr;
  MEDISCAN_LIBTORCH_CUDA_FUNCTIONS(MEDISCAN_DECLARE)
  MEDISCAN_CUDA_RUNTIME_FUNCTIONS(MEDISCAN_DECLARE)
#undef MEDISCAN_DECLARE
  // NOLINTEND(bugprone-macro-parentheses)
};

/// Throws unless `status` is 0: OUT_OF_MEMORY, else BACKEND_FAILED with the runtime's words. `what` names the call.
void check_cuda(const CudaFunctions& cuda, CudaStatus status, const char* what);

/// What loading LibTorch's CUDA found.
struct CudaLibrary {
  std::optional<CudaFunctions> functions;
  int runtime_version = 0;  ///< 13020 for CUDA 13.2
  std::string reason;       ///< why not, when `functions` is empty
};

/// Loads the libtorch_cuda.so next to `libtorch`, for good. Must happen before LibTorch is first asked for something of
/// CUDA: it looks for that library once. Makes no context.
CudaLibrary load_libtorch_cuda(const std::filesystem::path& libtorch);

}  // namespace mediscan::backend::torch
