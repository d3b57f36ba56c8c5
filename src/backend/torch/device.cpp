#include "backend/torch/device.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <system_error>

#include "backend/torch/libtorch.hpp"

namespace mediscan::backend::torch {
namespace {

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

/// Why the CPU does not compute in a precision that it does not list.
std::string why_not(const std::string& precision, const Cpu& cpu) {
  if (precision == "bf16") {
    return fmt::format("{} has neither avx512_bf16 nor amx_bf16, and emulated bf16 is slower than fp32", cpu.model);
  }
  if (precision == "fp16") return "oneDNN has only its reference kernels for fp16 on CPUs, many times slower than fp32";
  if (precision == "int8") return fmt::format("{} has no AVX2, which oneDNN's int8 needs", cpu.model);
  return "nobody knows it";
}

}  // namespace

std::string_view name_of(Precision precision) noexcept {
  switch (precision) {
    case Precision::fp32:
      return "fp32";
    case Precision::fp16:
      return "fp16";
    case Precision::bf16:
      return "bf16";
    case Precision::int8:
      return "int8";
  }
  return "unknown";
}

DeviceInfo find_cpu(const Cpu& cpu) {
  DeviceInfo info{"cpu", true, cpu.model, {}};
  if (cpu.avx2) info.precisions.emplace_back(name_of(Precision::int8));
  if (cpu.bf16) info.precisions.emplace_back(name_of(Precision::bf16));
  info.precisions.emplace_back(name_of(Precision::fp32));
  return info;
}

std::vector<DeviceInfo> find_devices(const std::filesystem::path& library) {
  return {find_cpu(this_cpu()), find_cuda(library)};
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
                fmt::format("the torch backend does not offer precision {} on {}, it offers {}: {}", precision,
                            found->name, fmt::join(found->precisions, ", "), why_not(precision, this_cpu())),
                fmt::format("choose precision {}", found->precisions.back()));
  }
  Target target;
  target.device = found->name;
  for (const Precision each : {Precision::fp32, Precision::bf16, Precision::int8}) {
    if (precision == name_of(each)) target.precision = each;
  }
  target.narrow_weights = !this_cpu().vnni;
  target.channels_last = libtorch().aoti_torch_memory_format_channels_last();
  return target;
}

Target open_target(const OpenRequest& request) {
  const LibtorchReport report = find_libtorch(request.libtorch);
  if (!report.available)
    throw Error(ErrorCode::backend_unavailable, Stage::backend, "torch: " + report.reason, report.hint);
  return choose_target(find_devices(report.library), request.device, request.precision);
}

}  // namespace mediscan::backend::torch
