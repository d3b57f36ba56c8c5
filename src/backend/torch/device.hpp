// Which devices and precisions the torch backend computes on, and the object that network code gets to know of them.
// What there is of CUDA is looked for in cuda/.
#pragma once

#include <mediscan/backend.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backend/cpu.hpp"
#include "backend/network/kernels.hpp"
#include "backend/network/precision.hpp"

namespace mediscan::backend::torch {

/// Where and how a session computes. Networks take it where it matters and never ask further.
struct Target {
  std::string device = "cpu";
  Precision precision = Precision::fp32;
  bool narrow_weights = false;           ///< int8: this CPU's sums saturate unless weights are of 7 bits
  std::int64_t channels_last = 0;        ///< LibTorch's number for the memory format
  std::vector<std::int64_t> batches{1};  ///< rising, from 1; what weights are packed for. Others work too, slower
  int threads = 1;                       ///< that a session computes with on the CPU
  /// What convolutions of ours work in: one for all of a session's, since it computes one batch at a time.
  std::shared_ptr<Scratch> scratch = std::make_shared<Scratch>();
};

/// The CPU with the precisions that networks are computed in there, fastest first.
DeviceInfo find_cpu(const Cpu& cpu);

/// Devices in order of preference, usable ones first. `library` is the libtorch_cpu.so in use.
std::vector<DeviceInfo> find_devices(const std::filesystem::path& library);

/// The target of a request. Needs an opened LibTorch. Throws BACKEND_UNAVAILABLE (device), PRECISION_UNSUPPORTED naming
/// what the device offers and why not this.
Target choose_target(const std::vector<DeviceInfo>& devices, const std::string& device, const std::string& precision);

/// Finds and opens LibTorch, then the target of the request on this machine. Throws as choose_target, and
/// BACKEND_UNAVAILABLE where there is no LibTorch.
Target open_target(const OpenRequest& request);

}  // namespace mediscan::backend::torch
