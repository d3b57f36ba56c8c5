#include "backend/torch/cuda/library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <system_error>

#include "base/symbol.hpp"

namespace mediscan::backend::torch {
namespace {

/// The first function that is missing, or nothing.
std::optional<std::string> resolve_all(void* handle, CudaFunctions& found) {
#define MEDISCAN_RESOLVE(result, name, parameters) \
  if (!base::resolve_symbol(handle, #name, found.name)) return "lacks the function " #name;
  MEDISCAN_LIBTORCH_CUDA_FUNCTIONS(MEDISCAN_RESOLVE)
#undef MEDISCAN_RESOLVE
#define MEDISCAN_RESOLVE(result, name, parameters)      \
  if (!base::resolve_symbol(handle, #name, found.name)) \
    return "is built without the CUDA runtime as a library of its own, which MediScan calls: no " #name;
  MEDISCAN_CUDA_RUNTIME_FUNCTIONS(MEDISCAN_RESOLVE)
#undef MEDISCAN_RESOLVE
  return std::nullopt;
}

}  // namespace

void check_cuda(const CudaFunctions& cuda, CudaStatus status, const char* what) {
  if (status == 0) return;
  (void)cuda.cudaGetLastError();  // or LibTorch's next call would report it again
  const char* text = cuda.cudaGetErrorString(status);
  const std::string words =
      fmt::format("{}: {} (CUDA error {})", what, text == nullptr ? "no words for it" : text, status);
  if (status == cuda_out_of_memory) {
    throw Error(ErrorCode::out_of_memory, Stage::backend, "CUDA ran out of memory in " + words,
                "lower max_batch, close other models, or give the device more free memory");
  }
  throw Error(ErrorCode::backend_failed, Stage::backend, "CUDA failed in " + words,
              "after most CUDA errors the process cannot use the device any more: start it anew, and see whether "
              "nvidia-smi or dmesg report a fault");
}

CudaLibrary load_libtorch_cuda(const std::filesystem::path& libtorch) {
  CudaLibrary library;
  const std::filesystem::path file = libtorch.parent_path() / "libtorch_cuda.so";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    library.reason = "this LibTorch is built without CUDA";
    return library;
  }
  void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* text = ::dlerror();
    library.reason = fmt::format(
        "libtorch_cuda.so cannot be loaded ({}): `pip install torch` with its dependencies, or what your distribution "
        "has of CUDA's libraries, next to this LibTorch",
        text == nullptr ? "no reason given" : text);
    return library;
  }
  CudaFunctions found;
  if (const auto fault = resolve_all(handle, found)) {
    library.reason = "libtorch_cuda.so " + *fault;
    return library;
  }
  if (found.cudaRuntimeGetVersion(&library.runtime_version) != 0) {
    library.reason = "the CUDA runtime does not say its version";
    return library;
  }
  library.functions = found;
  return library;
}

}  // namespace mediscan::backend::torch
