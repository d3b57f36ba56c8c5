// Compares our declarations of LibTorch's CUDA functions and of the CUDA runtime's with their own headers. A difference
// is an error of the compiler, here.
#include <doctest/doctest.h>

#include <cstdio>
#include <type_traits>

#include "backend/torch/cuda/library.hpp"

#ifdef MEDISCAN_HAVE_CUDA_HEADERS
#define USE_CUDA
#include <cuda_runtime_api.h>
#include <torch/csrc/inductor/aoti_torch/generated/c_shim_cuda.h>
#include <torch/csrc/stable/c/shim.h>

namespace mediscan::backend::torch {

/// A type as the ABI has it: enumerations are passed as integers.
template <class T, bool = std::is_enum_v<T>>
struct Passed {
  using type = T;
};
template <class T>
struct Passed<T, true> {
  using type = int;
};
template <class Result, class... Parameters>
struct Passed<Result (*)(Parameters...), false> {
  using type = typename Passed<Result>::type (*)(typename Passed<Parameters>::type...);
};

#define MEDISCAN_COMPARE(result, name, parameters)                                              \
  static_assert(std::is_same_v<decltype(CudaFunctions::name), Passed<decltype(&::name)>::type>, \
                #name " has another type in its header than in library.hpp");
MEDISCAN_LIBTORCH_CUDA_FUNCTIONS(MEDISCAN_COMPARE)
MEDISCAN_CUDA_RUNTIME_FUNCTIONS(MEDISCAN_COMPARE)
#undef MEDISCAN_COMPARE

static_assert(cuda_out_of_memory == cudaErrorMemoryAllocation);
static_assert(cuda_host_to_device == cudaMemcpyHostToDevice);
static_assert(cuda_device_to_host == cudaMemcpyDeviceToHost);
static_assert(cuda_stream_non_blocking == cudaStreamNonBlocking);
static_assert(cuda_event_disable_timing == cudaEventDisableTiming);
static_assert(cuda_capture_relaxed == cudaStreamCaptureModeRelaxed);

}  // namespace mediscan::backend::torch
#endif

TEST_CASE("our declarations of CUDA's functions are those of its headers") {
#ifdef MEDISCAN_HAVE_CUDA_HEADERS
  CHECK(CUDART_VERSION >= 12000);  // compiling was the comparison
#else
  std::puts("MEDISCAN_SKIP: no headers of LibTorch and the CUDA runtime at " MEDISCAN_LIBTORCH_INCLUDE
            " and " MEDISCAN_CUDA_INCLUDE);
#endif
}
