// NVIDIA's GPUs as their driver's library (NVML) sees them: found at run time, never at build time. Nothing here fails:
// without the library, with one that lacks a function, or with one that hangs, there simply is no GPU.
#pragma once

#include <chrono>
#include <mediscan/metrics.hpp>
#include <memory>
#include <string>
#include <vector>

namespace mediscan::metrics {

class Gpus {
 public:
  /// Opens `library` on the first read(); it is never closed. A thread of this object's own asks it, since a call into
  /// a driver in trouble may never return; there is none where the library is missing.
  explicit Gpus(std::string library);
  ~Gpus();
  Gpus(const Gpus&) = delete;
  Gpus& operator=(const Gpus&) = delete;

  /// The state now; empty when there is no answer within `patience`, and at once while an earlier question hangs. A GPU
  /// that does not answer one of the questions (some virtual ones) is left out. Empty in a child made by fork().
  [[nodiscard]] std::vector<GpuMetrics> read(std::chrono::milliseconds patience) noexcept;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  ///< with the thread, which may outlive this object inside a hanging call
};

/// Those of this machine. A driver that was asleep may need seconds for its first answer; until then there are none.
std::vector<GpuMetrics> gpu_metrics() noexcept;

}  // namespace mediscan::metrics
