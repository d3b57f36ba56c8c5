#include "backend/torch/cuda/devices.hpp"

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

namespace mediscan::backend::torch {
namespace {

/// The oldest compute capability that a CUDA version computes on: 13 left Maxwell, Pascal and Volta behind, 12 Kepler
/// (release notes of the CUDA toolkit). LibTorch may have been built for fewer.
int oldest_compute_capability(int runtime_version) { return runtime_version >= 13000 ? 75 : 50; }

std::string version_text_of_cuda(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

/// Why nothing of CUDA can be used, or nothing. A driver serves every runtime of its own major version and all older
/// ones (CUDA's minor version compatibility).
std::optional<std::string> fault_of(const CudaDriver& driver, const CudaLibrary& library) {
  if (!driver.reason.empty()) return driver.reason;
  if (!library.functions) return library.reason;
  if (driver.version / 1000 < library.runtime_version / 1000) {
    return fmt::format(
        "the NVIDIA driver serves CUDA {}, this LibTorch needs {}: install a newer driver, or a LibTorch "
        "built for CUDA {}",
        version_text_of_cuda(driver.version), version_text_of_cuda(library.runtime_version), driver.version / 1000);
  }
  return std::nullopt;
}

struct State {
  std::mutex mutex;
  std::optional<std::vector<DeviceInfo>> devices;
  CudaFunctions functions;
  std::atomic<bool> usable = false;
};

State& process_state() {
  // Never destroyed: sessions may end during static destruction.
  static auto* instance = new State;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
  return *instance;
}

}  // namespace

std::vector<DeviceInfo> describe_cuda(const CudaDriver& driver, const CudaLibrary& library) {
  if (const auto fault = fault_of(driver, library)) return {{"cuda", false, *fault, {}}};
  std::vector<DeviceInfo> devices;
  const int oldest = oldest_compute_capability(library.runtime_version);
  for (std::size_t i = 0; i < driver.devices.size(); ++i) {
    const CudaDevice& device = driver.devices[i];
    DeviceInfo info{fmt::format("cuda:{}", i), device.compute_capability >= oldest, {}, {}};
    info.detail = fmt::format("{}, {:.1f} GiB, compute capability {}.{}", device.name,
                              static_cast<double>(device.memory) / (1U << 30U), device.compute_capability / 10,
                              device.compute_capability % 10);
    if (info.usable) {
      info.precisions = {"fp16", "fp32"};
    } else {
      info.detail += fmt::format(": CUDA {} needs {}.{} or newer", version_text_of_cuda(library.runtime_version),
                                 oldest / 10, oldest % 10);
    }
    devices.push_back(std::move(info));
  }
  return devices;
}

std::vector<DeviceInfo> find_cuda_devices(const std::filesystem::path& libtorch) {
  State& state = process_state();
  const std::lock_guard lock(state.mutex);
  if (state.devices) return *state.devices;
  std::error_code ignored;
  CudaLibrary library;
  CudaDriver driver;
  if (!std::filesystem::exists(libtorch.parent_path() / "libtorch_cuda.so", ignored)) {
    library.reason = "this LibTorch is built without CUDA";
  } else {
    driver = ask_cuda_driver();
    if (driver.reason.empty()) library = load_libtorch_cuda(libtorch);
  }
  state.devices = describe_cuda(driver, library);
  if (library.functions) {
    state.functions = *library.functions;
    state.usable = true;
  }
  return *state.devices;
}

const CudaFunctions* cuda_functions() noexcept {
  State& state = process_state();
  return state.usable ? &state.functions : nullptr;
}

}  // namespace mediscan::backend::torch
