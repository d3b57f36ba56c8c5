#include "backend/torch/device.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "backend/torch/cuda/devices.hpp"
#include "backend/torch/libtorch.hpp"

namespace mediscan::backend::torch {
namespace {

/// Why a device does not compute in a precision that it does not list.
std::string why_not(const std::string& precision, const DeviceInfo& device) {
  if (device.name != "cpu") return "networks run on CUDA in fp16 and fp32 alone";
  const Cpu& cpu = this_cpu();
  if (precision == "bf16") {
    return fmt::format("{} has neither avx512_bf16 nor amx_bf16, and emulated bf16 is slower than fp32", cpu.model);
  }
  if (precision == "fp16") return "oneDNN has only its reference kernels for fp16 on CPUs, many times slower than fp32";
  if (precision == "int8") return fmt::format("{} has no AVX2, which oneDNN's int8 needs", cpu.model);
  return "nobody knows it";
}

/// For the end of "choose auto": " or cpu".
std::vector<std::string> names_of_usable(const std::vector<DeviceInfo>& devices) {
  std::vector<std::string> names;
  for (const DeviceInfo& device : devices) {
    if (device.usable) names.push_back(" or " + device.name);
  }
  return names;
}

}  // namespace

DeviceInfo find_cpu(const Cpu& cpu) {
  DeviceInfo info{"cpu", true, cpu.model, {}};
  if (cpu.avx2) info.precisions.emplace_back(name_of(Precision::int8));
  if (cpu.bf16) info.precisions.emplace_back(name_of(Precision::bf16));
  info.precisions.emplace_back(name_of(Precision::fp32));
  return info;
}

std::vector<DeviceInfo> find_devices(const std::filesystem::path& library) {
  std::vector<DeviceInfo> devices = find_cuda_devices(library);
  devices.push_back(find_cpu(this_cpu()));
  std::stable_partition(devices.begin(), devices.end(), [](const DeviceInfo& device) { return device.usable; });
  return devices;
}

Target choose_target(const std::vector<DeviceInfo>& devices, const std::string& device, const std::string& precision) {
  // "cuda" stands for the first of its devices. A lone device "cuda" is the reason why there is none, which is the same
  // for "cuda:0" and its like.
  const auto is_cuda = [](const std::string& name) { return name == "cuda" || name.starts_with("cuda:"); };
  const auto found = std::ranges::find_if(devices, [&](const DeviceInfo& each) {
    if (device == "auto") return each.usable;
    return each.name == device || (device == "cuda" && is_cuda(each.name)) || (each.name == "cuda" && is_cuda(device));
  });
  if (found == devices.end()) {
    throw Error(ErrorCode::backend_unavailable, Stage::backend,
                fmt::format("the torch backend knows no device \"{}\"", device),
                fmt::format("choose auto{}", fmt::join(names_of_usable(devices), "")));
  }
  if (!found->usable) {
    throw Error(ErrorCode::backend_unavailable, Stage::backend,
                fmt::format("device {} cannot be used: {}", device, found->detail), "choose device auto or cpu");
  }
  if (std::ranges::find(found->precisions, precision) == found->precisions.end()) {
    throw Error(ErrorCode::precision_unsupported, Stage::backend,
                fmt::format("the torch backend does not offer precision {} on {}, it offers {}: {}", precision,
                            found->name, fmt::join(found->precisions, ", "), why_not(precision, *found)),
                fmt::format("choose precision {}", found->precisions.back()));
  }
  Target target;
  target.device = found->name;
  for (const Precision each : {Precision::fp32, Precision::fp16, Precision::bf16, Precision::int8}) {
    if (precision == name_of(each)) target.precision = each;
  }
  target.narrow_weights = !this_cpu().vnni;
  target.channels_last = libtorch().aoti_torch_memory_format_channels_last();
  return target;
}

Target open_target(const OpenRequest& request) {
  const RuntimeReport report = find_libtorch(request.libtorch);
  if (!report.available)
    throw Error(ErrorCode::backend_unavailable, Stage::backend, "torch: " + report.reason, report.hint);
  Target target = choose_target(find_devices(report.library), request.device, request.precision);
  target.threads = request.threads;
  return target;
}

}  // namespace mediscan::backend::torch
