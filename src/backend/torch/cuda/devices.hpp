// Which CUDA devices LibTorch can compute on here, or why it cannot. Looked for once a process.
#pragma once

#include <mediscan/backend.hpp>

#include <filesystem>
#include <vector>

#include "backend/torch/cuda/driver.hpp"
#include "backend/torch/cuda/library.hpp"

namespace mediscan::backend::torch {

/// "cuda:0", "cuda:1", ... with model, memory and precisions, fastest first, or why one cannot be used; a single "cuda"
/// with the reason where there is no device at all.
std::vector<DeviceInfo> describe_cuda(const CudaDriver& driver, const CudaLibrary& library);

/// The same for the LibTorch in use, whose libtorch_cpu.so is `libtorch`. Loads its CUDA only where the driver has a
/// device. Thread-safe; the first call may take seconds, later ones know.
std::vector<DeviceInfo> find_cuda_devices(const std::filesystem::path& libtorch);

/// The functions that find_cuda_devices() resolved; null before it listed a usable device.
const CudaFunctions* cuda_functions() noexcept;

}  // namespace mediscan::backend::torch
