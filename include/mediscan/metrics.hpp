// Numbers of a manager at work: counters that only grow, histograms, and gauges of the moment they were asked for.
#pragma once

#include <mediscan/export.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mediscan {

/// A distribution. `bounds[i]` is the upper bound (inclusive) of `counts[i]`; the last count has no bound. Counts are
/// not cumulative.
struct Histogram {
  std::vector<double> bounds;
  std::vector<std::uint64_t> counts;  ///< one more than bounds
  std::uint64_t count = 0;
  double sum = 0;

  /// The value that a share `q` (0 to 1) of the observations does not exceed, interpolated linearly within its bucket;
  /// 0 when there are none, the last bound when it lies beyond it.
  [[nodiscard]] MEDISCAN_API double quantile(double q) const;
};

/// Of one model, by its name: hot swaps and reloads go on counting.
struct ModelMetrics {
  std::string model;
  std::uint64_t submitted = 0;  ///< jobs accepted
  std::uint64_t succeeded = 0;
  std::vector<std::pair<std::string, std::uint64_t>> errors;  ///< by upper-case code; refused jobs among them
  std::uint64_t in_flight = 0;                                ///< accepted and not finished
  std::uint64_t queued = 0;                                   ///< of these: prepared, waiting for the lane
  std::uint64_t memory_bytes = 0;
  std::uint64_t loads = 0;
  std::uint64_t load_failures = 0;
  std::uint64_t swaps = 0;
  std::uint64_t rollbacks = 0;
  std::uint64_t evictions = 0;
  Histogram decode_seconds;
  Histogram preprocess_seconds;
  Histogram queue_seconds;
  Histogram inference_seconds;
  Histogram postprocess_seconds;
  Histogram total_seconds;
  Histogram batch_size;  ///< an observation a batch
};

struct CacheMetrics {
  std::uint64_t memory_hits = 0;
  std::uint64_t memory_misses = 0;
  std::uint64_t memory_evictions = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t redis_hits = 0;
  std::uint64_t redis_misses = 0;
  std::uint64_t redis_errors = 0;   ///< connection, time-out, full, protocol
  std::uint64_t redis_refused = 0;  ///< values with a wrong version, signature or content
  std::uint64_t redis_skipped = 0;  ///< look-ups and stores not tried while the circuit breaker was open
  std::uint64_t redis_dropped = 0;  ///< stores dropped because the writer was behind
  bool redis_open = false;          ///< the circuit breaker is open: Redis is not asked at the moment
};

struct GpuMetrics {
  std::string gpu;  ///< its number as nvidia-smi shows it, "0"; CUDA may number them otherwise
  std::string name;
  double utilization = 0;  ///< 0 to 1, by all processes, as the memory is
  std::uint64_t memory_used_bytes = 0;
  std::uint64_t memory_total_bytes = 0;
};

struct ProcessMetrics {
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t threads = 0;
};

struct MetricsSnapshot {
  std::vector<ModelMetrics> models;  ///< by name
  CacheMetrics cache;
  ProcessMetrics process;
  std::vector<GpuMetrics> gpus;  ///< through NVIDIA's NVML where there is one, else empty
};

MEDISCAN_API std::string to_json(const MetricsSnapshot& snapshot, int indent = -1);

}  // namespace mediscan
