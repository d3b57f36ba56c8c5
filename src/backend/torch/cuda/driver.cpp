#include "backend/torch/cuda/driver.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <pthread.h>

#include <array>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/symbol.hpp"

namespace mediscan::backend::torch {
namespace {

// Declarations of our own, after https://docs.nvidia.com/cuda/cuda-driver-api: a status of 0 is success, a device is a
// number.
using DriverStatus = int;
using Ordinal = int;
constexpr DriverStatus no_device = 100;       // CUDA_ERROR_NO_DEVICE
constexpr int compute_capability_major = 75;  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
constexpr int compute_capability_minor = 76;  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR

struct DriverFunctions {
  DriverStatus (*init)(unsigned int) = nullptr;
  DriverStatus (*version)(int*) = nullptr;
  DriverStatus (*count)(int*) = nullptr;
  DriverStatus (*device)(Ordinal*, int) = nullptr;
  DriverStatus (*name)(char*, int, Ordinal) = nullptr;
  DriverStatus (*memory)(std::size_t*, Ordinal) = nullptr;
  DriverStatus (*attribute)(int*, int, Ordinal) = nullptr;
  DriverStatus (*explain)(DriverStatus, const char**) = nullptr;
};

using base::resolve_symbol;

bool resolve_all(void* library, DriverFunctions& cuda) {
  return resolve_symbol(library, "cuInit", cuda.init) && resolve_symbol(library, "cuDriverGetVersion", cuda.version) &&
         resolve_symbol(library, "cuDeviceGetCount", cuda.count) &&
         resolve_symbol(library, "cuDeviceGet", cuda.device) && resolve_symbol(library, "cuDeviceGetName", cuda.name) &&
         resolve_symbol(library, "cuDeviceTotalMem_v2", cuda.memory) &&
         resolve_symbol(library, "cuDeviceGetAttribute", cuda.attribute) &&
         resolve_symbol(library, "cuGetErrorString", cuda.explain);
}

std::string explained(const DriverFunctions& cuda, DriverStatus status) {
  const char* text = nullptr;
  if (cuda.explain(status, &text) != 0 || text == nullptr) text = "unknown error";
  return fmt::format("{} (CUDA error {})", text, status);
}

std::optional<CudaDevice> ask_device(const DriverFunctions& cuda, int index) {
  Ordinal ordinal = 0;
  std::array<char, 256> name{};  // one more than we say, so that it always ends with 0
  std::size_t memory = 0;
  int major = 0;
  int minor = 0;
  if (cuda.device(&ordinal, index) != 0 || cuda.name(name.data(), name.size() - 1, ordinal) != 0 ||
      cuda.memory(&memory, ordinal) != 0 || cuda.attribute(&major, compute_capability_major, ordinal) != 0 ||
      cuda.attribute(&minor, compute_capability_minor, ordinal) != 0) {
    return std::nullopt;
  }
  return CudaDevice{name.data(), memory, major * 10 + minor};
}

CudaDriver refused(std::string reason, int version = 0) { return {version, {}, std::move(reason)}; }

CudaDriver ask(const std::string& name) {
  void* const library = ::dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return refused(fmt::format("the machine has no NVIDIA driver ({} cannot be loaded)", name));
  DriverFunctions cuda;
  if (!resolve_all(library, cuda)) return refused(fmt::format("{} lacks functions that every CUDA driver has", name));
  if (const DriverStatus status = cuda.init(0); status != 0) {
    return refused(status == no_device ? "the NVIDIA driver sees no device (is CUDA_VISIBLE_DEVICES empty?)"
                                       : fmt::format("the NVIDIA driver does not start: {}", explained(cuda, status)));
  }
  CudaDriver driver;
  int count = 0;
  if (cuda.version(&driver.version) != 0 || cuda.count(&count) != 0)
    return refused("the NVIDIA driver does not say how many devices there are");
  for (int i = 0; i < count; ++i) {
    const auto device = ask_device(cuda, i);
    if (!device) return refused(fmt::format("the NVIDIA driver says nothing of device {}", i), driver.version);
    driver.devices.push_back(*device);
  }
  if (driver.devices.empty()) driver.reason = "the NVIDIA driver sees no device (is CUDA_VISIBLE_DEVICES empty?)";
  return driver;
}

struct Question {
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<CudaDriver> answer;
};

}  // namespace

CudaDriver ask_cuda_driver(const std::string& library, std::chrono::milliseconds patience) {
  const auto question = std::make_shared<Question>();
  // The host's signals are the host's business: a new thread inherits the mask of whoever made it.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread([question, library] {
      CudaDriver answer = ask(library);
      const std::lock_guard lock(question->mutex);
      question->answer = std::move(answer);
      question->answered.notify_all();
    });
    ::pthread_setname_np(thread.native_handle(), "mediscan-cuda");
    thread.detach();
  } catch (const std::exception&) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return refused("there is no thread left to ask the NVIDIA driver on");
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::unique_lock lock(question->mutex);
  if (!question->answered.wait_for(lock, patience, [&] { return question->answer.has_value(); })) {
    return refused(fmt::format("the NVIDIA driver did not answer within {} ms (does nvidia-smi?)", patience.count()));
  }
  return *question->answer;
}

}  // namespace mediscan::backend::torch
