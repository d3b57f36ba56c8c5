// Which models live in the process. A bundle is loaded once however many ask for it; results come from models that are
// READY.
#pragma once

#include <mediscan/bundle.hpp>
#include <mediscan/export.hpp>
#include <mediscan/metrics.hpp>
#include <mediscan/options.hpp>
#include <mediscan/result.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mediscan {

/// `evicted`: it gave its memory back under ManagerOptions::max_model_bytes, and comes back when it is used.
enum class ModelState { loading, ready, failed, unloading, unloaded, evicted };
MEDISCAN_API std::string_view name_of(ModelState state) noexcept;  ///< "LOADING", "READY", ...

/// Largest difference between what the bundle says of its self-test picture and what was computed at load: of any logit
/// at fp32, of any probability below it.
struct SelfTestRecord {
  bool run = false;  ///< false on a simulated backend
  double largest_difference = 0;
  double tolerance = 0;
};

/// How long a batch of one size takes, as measured with every batch.
struct BatchLatency {
  std::uint32_t batch_size = 0;
  double mean_ms = 0;  ///< smoothed
  double deviation_ms = 0;
  std::uint64_t samples = 0;  ///< 0: only the first, cold run at load is known
};

struct ModelStatus {
  ModelState state = ModelState::loading;
  std::string reason;  ///< why FAILED, else empty
  std::filesystem::path directory;
  ModelRecord model;
  ExecutionRecord execution;  ///< batch_size is max_batch here
  SelfTestRecord self_test;
  int lanes = 0;                  ///< sessions at work side by side; 0 while it is not known
  int threads = 0;                ///< of each
  std::filesystem::path profile;  ///< the file that execution.profile_reason speaks of; empty when none was used
  std::vector<Warning> warnings;  ///< PROFILE_IGNORED
  double load_ms = 0;
  std::string phase;  ///< what the load is doing, or "ready"; "swapping: ..." while another bundle is loaded beside it
  double progress = 0;          ///< of that, 0 to 1
  std::uint64_t analyses = 0;   ///< jobs that have ended
  std::uint64_t failures = 0;   ///< of these: with an error
  std::uint64_t in_flight = 0;  ///< accepted and not ended
  std::uint64_t queued = 0;     ///< of these: waiting for the lane
  std::uint64_t memory_bytes = 0;
  std::uint64_t swaps = 0;
  std::uint64_t evictions = 0;
  std::vector<BatchLatency> latencies;
};

/// What a manager has accepted and not finished, against its bounds.
struct EngineStatus {
  int threads = 0;
  std::string threads_source;  ///< as in SystemReport
  std::uint64_t jobs = 0;
  std::uint64_t max_jobs = 0;
  std::uint64_t job_bytes = 0;
  std::uint64_t max_job_bytes = 0;
  std::uint64_t model_bytes = 0;
  std::uint64_t max_model_bytes = 0;  ///< 0: no bound
  std::uint64_t cache_bytes = 0;      ///< of results kept in this process
  std::uint64_t cache_entries = 0;
  bool redis = false;          ///< one is configured
  bool redis_answers = false;  ///< and it is asked: its circuit breaker is closed
  bool shutting_down = false;
};

namespace model {
class Slot;  // internal
}

/// A counted reference to a model of a manager. Copies refer to the same one; keeping one does not keep it from being
/// unloaded, and using it afterwards is NOT_READY. Thread-safe.
class MEDISCAN_API Model {
 public:
  [[nodiscard]] ModelStatus status() const;
  /// Of the bundle in service. Stays valid as long as a copy of this model, also after a swap.
  [[nodiscard]] const Bundle& bundle() const noexcept;

  /// Returns when the model is READY; throws the Error of the load that failed.
  void wait() const;
  /// True when no load is in flight within this time, well ended or not.
  [[nodiscard]] bool wait_for(std::chrono::nanoseconds timeout) const;

  explicit Model(std::shared_ptr<model::Slot> slot) noexcept : slot_(std::move(slot)) {}
  [[nodiscard]] const std::shared_ptr<model::Slot>& slot() const noexcept { return slot_; }  ///< internal

 private:
  std::shared_ptr<model::Slot> slot_;
};

/// Loads, keeps, swaps and unloads models. Thread-safe. Destroying it with work in flight is safe: that work ends
/// normally, later use of its models is NOT_READY. In a child made by fork() every call of it and of its models is
/// FORKED: load models after fork(), with a manager of that process.
class MEDISCAN_API ModelManager {
 public:
  /// Throws INVALID_ARGUMENT for an option out of range, UNSUPPORTED for a Redis asked of a library built without it.
  explicit ModelManager(const ManagerOptions& options = {});
  ~ModelManager();
  ModelManager(const ModelManager&) = delete;
  ModelManager& operator=(const ModelManager&) = delete;

  /// The manager of the process, made with default options on first use and never destroyed.
  static ModelManager& shared();

  /// Loads a bundle and returns once it is READY; a second load of the same folder with the same options is the same
  /// model, and callers that ask while it is loading wait for the one load. Hash, build, self-test, warm-up: any
  /// failure throws its Error (NOT_FOUND, BUNDLE_INVALID, HASH_MISMATCH, SELF_TEST_FAILED, BACKEND_UNAVAILABLE,
  /// PRECISION_UNSUPPORTED, LIMIT_EXCEEDED and OVERLOADED for max_model_bytes, ...), stands as FAILED in status()
  /// unless it is a fault of the manifest, which makes no model at all, and the next load tries again.
  Model load(const std::filesystem::path& bundle, const LoadOptions& options = {});

  /// As load, but returns once the manifest is read (its faults are thrown); the rest goes on in the background.
  /// status() tells its progress, Model::wait its end, and work submitted meanwhile waits for it.
  Model load_async(const std::filesystem::path& bundle, const LoadOptions& options = {});

  /// Puts another bundle in the place of a model's, without a request failing: loads and proves the new one beside the
  /// old, switches at once, lets the old one finish its work and frees it; then returns. When the new bundle cannot be
  /// loaded its Error is thrown and the old one serves on. Every copy of `model` refers to the new bundle afterwards.
  /// Both are in memory meanwhile. OVERLOADED while another load or swap of this model is in flight, NOT_READY when it
  /// is not this manager's.
  // NOLINTBEGIN(bugprone-exception-escape): no std::swap of two values
  void swap(const Model& model, const std::filesystem::path& bundle);
  void swap(const Model& model, const std::filesystem::path& bundle, const LoadOptions& options);
  // NOLINTEND(bugprone-exception-escape)

  /// Takes a model out of service: new work is NOT_READY, work in flight ends normally, then its memory is freed.
  /// Returns when it is. A model that is not this manager's, or already unloaded, is left alone (false).
  bool unload(const Model& model);

  /// From now on new jobs are SHUT_DOWN; those accepted end normally. True when all of them have within this time.
  bool drain(std::chrono::nanoseconds timeout);

  /// Every model that is loading, ready, evicted, failed or unloading, in order of first load.
  [[nodiscard]] std::vector<ModelStatus> status() const;

  [[nodiscard]] EngineStatus engine_status() const;

  /// All counters, histograms and gauges (docs/metrics.md); reads /proc and asks NVML, so not for every picture.
  [[nodiscard]] MetricsSnapshot metrics() const;
  /// The same in Prometheus' text format 0.0.4.
  [[nodiscard]] std::string prometheus() const;

  struct Impl;  ///< internal

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace mediscan
