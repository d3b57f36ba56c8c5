// What NVIDIA's driver says of its devices, asked through libcuda.so.1 found at run time. Makes no context, so no
// memory of a device is taken. LibTorch's part of CUDA is in library.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace mediscan::backend::torch {

struct CudaDevice {
  std::string name;            ///< "NVIDIA H100 80GB HBM3"
  std::uint64_t memory = 0;    ///< bytes
  int compute_capability = 0;  ///< major x 10 + minor: 90
};

struct CudaDriver {
  int version = 0;                  ///< the CUDA that it serves, as 13020 for 13.2; 0 when there is none
  std::vector<CudaDevice> devices;  ///< in CUDA's own order, which CUDA_VISIBLE_DEVICES changes
  std::string reason;               ///< why there are none; empty when there are
};

/// Asks `library` (libcuda.so.1) on a thread of its own, since a driver in trouble can hang; after `patience` the
/// answer is a reason and the thread is left to itself. CUDA cannot be used in a child made by fork() after this was
/// called.
CudaDriver ask_cuda_driver(const std::string& library = "libcuda.so.1",
                           std::chrono::milliseconds patience = std::chrono::seconds(20));

}  // namespace mediscan::backend::torch
