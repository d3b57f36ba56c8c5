#include "backend/torch/device.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <string_view>
#include <system_error>

#include "backend/torch/libtorch.hpp"

namespace mediscan::backend::torch {
namespace {

std::string cpu_model() {
  std::ifstream in("/proc/cpuinfo");
  std::string line;
  while (std::getline(in, line)) {
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

/// CUDA is seen when LibTorch was built with it and the machine has NVIDIA's driver. The driver is not opened for the
/// asking.
DeviceInfo find_cuda(const std::filesystem::path& library) {
  DeviceInfo cuda{"cuda", false, {}, {}};
  std::error_code ignored;
  if (!std::filesystem::exists(library.parent_path() / "libtorch_cuda.so", ignored)) {
    cuda.detail = "this LibTorch is built without CUDA";
  } else if (!std::filesystem::exists("/proc/driver/nvidia/version", ignored)) {
    cuda.detail = "this LibTorch has CUDA, the machine has no NVIDIA driver loaded";
  } else {
    cuda.detail = "LibTorch and driver are there, but this version of MediScan computes on the CPU only";
  }
  return cuda;
}

}  // namespace

std::string_view name_of(Precision precision) noexcept {
  switch (precision) {
    case Precision::fp32:
      return "fp32";
  }
  return "unknown";
}

std::vector<DeviceInfo> find_devices(const std::filesystem::path& library) {
  return {DeviceInfo{"cpu", true, cpu_model(), {std::string(name_of(Precision::fp32))}}, find_cuda(library)};
}

Target choose_target(const std::vector<DeviceInfo>& devices, const std::string& device, const std::string& precision) {
  // "cuda" also stands for "cuda:0" and its like: the machine's answer is the same for all of them.
  const std::string kind = device.substr(0, device.find(':'));
  const auto found = std::ranges::find_if(devices, [&](const DeviceInfo& each) {
    return device == "auto" ? each.usable : each.name == device || (each.name == kind && kind == "cuda");
  });
  if (found == devices.end()) {
    throw Error(ErrorCode::backend_unavailable, Stage::backend,
                fmt::format("the torch backend knows no device \"{}\"", device), "choose auto or cpu");
  }
  if (!found->usable) {
    throw Error(ErrorCode::backend_unavailable, Stage::backend,
                fmt::format("device {} cannot be used: {}", device, found->detail), "choose device auto or cpu");
  }
  if (std::ranges::find(found->precisions, precision) == found->precisions.end()) {
    throw Error(ErrorCode::precision_unsupported, Stage::backend,
                fmt::format("the torch backend does not offer precision {} on {}, it offers {}", precision, found->name,
                            fmt::join(found->precisions, ", ")),
                fmt::format("choose precision {}", found->precisions.front()));
  }
  Target target;
  target.device = found->name;
  target.channels_last = libtorch().aoti_torch_memory_format_channels_last();
  return target;
}

}  // namespace mediscan::backend::torch
