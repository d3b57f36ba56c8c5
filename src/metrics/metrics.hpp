// What a manager counts while it works. Handed to who counts by reference, never a global. Counting is thread-safe,
// never throws and takes well under a microsecond. The registry behind it is prometheus-cpp's.
#pragma once

#include <cstdint>
#include <mediscan/error.hpp>
#include <mediscan/metrics.hpp>
#include <mediscan/result.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan::metrics {

/// The counters of one model's name.
class ModelCounters {
 public:
  void job_submitted() noexcept;
  /// A job that was accepted has ended. Stages that did not happen stay out: a failed job counts its error, and of its
  /// times only `total`.
  void job_finished(std::optional<ErrorCode> failure, const Timing& timing) noexcept;
  /// A job that was not accepted.
  void job_refused(ErrorCode why) noexcept;
  void batch_ran(std::uint32_t size) noexcept;
  void loaded() noexcept;
  void load_failed() noexcept;
  void swapped() noexcept;
  void rolled_back() noexcept;
  void evicted() noexcept;

  struct Impl;
  explicit ModelCounters(std::unique_ptr<Impl> impl);
  ~ModelCounters();
  ModelCounters(const ModelCounters&) = delete;
  ModelCounters& operator=(const ModelCounters&) = delete;
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

enum class CacheTier { memory, redis };
enum class CacheEvent { hit, miss, error, refused, skipped, dropped, evicted };

/// A gauge of one model at the moment of a snapshot; the manager knows it.
struct ModelGauges {
  std::string model;
  std::uint64_t queued = 0;
  std::uint64_t memory_bytes = 0;
};

/// What the registry does not know at the moment of a snapshot.
struct Gauges {
  std::vector<ModelGauges> models;  ///< several of one name are added up
  std::uint64_t cache_memory_bytes = 0;
  bool redis_open = false;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// The counters of a name, made on first use; they live as long as this object.
  ModelCounters& model(std::string_view name);
  void cache(CacheTier tier, CacheEvent event) noexcept;

  /// All counters, the gauges handed in, and those of this process and its GPUs.
  [[nodiscard]] MetricsSnapshot snapshot(const Gauges& gauges) const;
  /// The same in Prometheus' text format (version 0.0.4); names begin with "mediscan_".
  [[nodiscard]] std::string prometheus(const Gauges& gauges) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mediscan::metrics
