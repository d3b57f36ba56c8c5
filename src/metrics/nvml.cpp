#include "metrics/nvml.hpp"

#include <dlfcn.h>
#include <pthread.h>

#include <array>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/home_process.hpp"
#include "base/symbol.hpp"

namespace mediscan::metrics {
namespace {

// Declarations of our own, after https://docs.nvidia.com/deploy/nvml-api: a status of 0 is success, handles are
// pointers.
using Status = int;
using Device = void*;
struct Utilization {
  unsigned int gpu;  ///< percent
  unsigned int memory;
};
struct Memory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};
constexpr std::size_t name_size = 96;  // NVML_DEVICE_NAME_V2_BUFFER_SIZE

struct Functions {
  Status (*init)() = nullptr;
  Status (*count)(unsigned int*) = nullptr;
  Status (*device)(unsigned int, Device*) = nullptr;
  Status (*name)(Device, char*, unsigned int) = nullptr;
  Status (*utilization)(Device, Utilization*) = nullptr;
  Status (*memory)(Device, Memory*) = nullptr;
};

using base::resolve_symbol;

std::optional<Functions> open(const char* name) {
  void* const library = ::dlopen(name, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return std::nullopt;
  Functions nvml;
  const bool complete = resolve_symbol(library, "nvmlInit_v2", nvml.init) &&
                        resolve_symbol(library, "nvmlDeviceGetCount_v2", nvml.count) &&
                        resolve_symbol(library, "nvmlDeviceGetHandleByIndex_v2", nvml.device) &&
                        resolve_symbol(library, "nvmlDeviceGetName", nvml.name) &&
                        resolve_symbol(library, "nvmlDeviceGetUtilizationRates", nvml.utilization) &&
                        resolve_symbol(library, "nvmlDeviceGetMemoryInfo", nvml.memory);
  return complete ? std::optional(nvml) : std::nullopt;
}

std::optional<GpuMetrics> ask(const Functions& nvml, unsigned int index) {
  Device device = nullptr;
  std::array<char, name_size + 1> name{};  // ends with 0 whatever the library writes
  Utilization utilization{};
  Memory memory{};
  if (nvml.device(index, &device) != 0 || nvml.name(device, name.data(), name_size) != 0 ||
      nvml.utilization(device, &utilization) != 0 || nvml.memory(device, &memory) != 0) {
    return std::nullopt;
  }
  return GpuMetrics{std::to_string(index), name.data(), utilization.gpu / 100.0, memory.used, memory.total};
}

std::vector<GpuMetrics> ask_all(const Functions& nvml) {
  unsigned int count = 0;
  std::vector<GpuMetrics> gpus;
  if (nvml.count(&count) != 0) return gpus;
  for (unsigned int i = 0; i < count; ++i) {
    if (auto gpu = ask(nvml, i)) gpus.push_back(std::move(*gpu));
  }
  return gpus;
}

}  // namespace

/// A reader asks by raising `wanted` and waits until `done` is as high; a round answers everyone who asked before it
/// began.
struct Gpus::Shared {
  explicit Shared(std::string name) : library(std::move(name)) {}

  /// With the mutex held, once. False: there will never be an answer.
  bool start(const std::shared_ptr<Shared>& self);
  void serve();

  const std::string library;
  const base::HomeProcess home;
  std::mutex mutex;
  std::condition_variable asked;
  std::condition_variable answered;
  std::optional<bool> started;
  bool closed = false;
  bool late = false;  ///< a reader gave up on the round that still runs
  std::uint64_t wanted = 0;
  std::uint64_t done = 0;
  std::vector<GpuMetrics> last;
  Functions nvml;
};

bool Gpus::Shared::start(const std::shared_ptr<Shared>& self) {
  const auto functions = open(library.c_str());
  if (!functions) return false;
  nvml = *functions;
  // The host's signals are the host's business: a new thread inherits the mask of whoever made it.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread([self] { self->serve(); });
    ::pthread_setname_np(thread.native_handle(), "mediscan-nvml");
    thread.detach();
  } catch (...) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return false;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return true;
}

void Gpus::Shared::serve() {
  const bool ready = nvml.init() == 0;
  std::unique_lock lock(mutex);
  for (;;) {
    asked.wait(lock, [&] { return closed || wanted != done; });
    if (closed) return;
    const auto round = wanted;
    lock.unlock();
    std::vector<GpuMetrics> gpus;
    try {
      if (ready) gpus = ask_all(nvml);
    } catch (...) {  // out of memory: no GPU this time
      gpus.clear();
    }
    lock.lock();
    last = std::move(gpus);
    done = round;
    late = false;
    answered.notify_all();
  }
}

Gpus::Gpus(std::string library) : shared_(std::make_shared<Shared>(std::move(library))) {}

Gpus::~Gpus() {
  if (!shared_->home.is_here()) return;  // the child of a fork() has no thread to tell
  const std::scoped_lock lock(shared_->mutex);
  shared_->closed = true;
  shared_->asked.notify_all();
}

std::vector<GpuMetrics> Gpus::read(std::chrono::milliseconds patience) noexcept {
  try {
    auto& shared = *shared_;
    if (!shared.home.is_here()) return {};
    std::unique_lock lock(shared.mutex);
    if (!shared.started) shared.started = shared.start(shared_);
    if (!*shared.started || shared.late) return {};
    const auto round = ++shared.wanted;
    shared.asked.notify_one();
    if (!shared.answered.wait_for(lock, patience, [&] { return shared.done >= round; })) {
      shared.late = true;
      return {};
    }
    return shared.last;
  } catch (...) {
    return {};
  }
}

std::vector<GpuMetrics> gpu_metrics() noexcept {
  // Long for a healthy driver (about a millisecond a GPU), short for whoever scrapes. Never destroyed: a snapshot may
  // be taken while the process ends.
  constexpr std::chrono::milliseconds patience{250};
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): one driver, one thread that asks it
  static auto* const gpus = [] {
    try {
      return new Gpus("libnvidia-ml.so.1");
    } catch (...) {
      return static_cast<Gpus*>(nullptr);
    }
  }();
  return gpus == nullptr ? std::vector<GpuMetrics>{} : gpus->read(patience);
}

}  // namespace mediscan::metrics
