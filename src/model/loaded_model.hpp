// One model in one process: its bundle, its lane, the session on it, and the state they are in. The states only move
// forward: LOADING -> READY -> UNLOADING -> UNLOADED, or LOADING -> FAILED.
#pragma once

#include <atomic>
#include <cstdint>
#include <mediscan/backend.hpp>
#include <mediscan/model_manager.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/home_process.hpp"
#include "base/log.hpp"
#include "base/threads.hpp"
#include "schedule/lane.hpp"

namespace mediscan::model {

/// What a model takes from its manager.
struct Environment {
  base::ThreadBudget threads;
  std::filesystem::path libtorch;
  base::Log log;
};

/// Times of one batch, in milliseconds.
struct RunTimes {
  double queue = 0;
  double inference = 0;
};

class LoadedModel {
 public:
  LoadedModel(Bundle bundle, LoadOptions options, Environment environment);
  ~LoadedModel();
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;

  /// Hash, build, self-test, warm-up. READY on return; FAILED with its reason when it throws. Once, before any run().
  void load();

  /// Runs a batch on the lane and returns when its logits are there, finite or not. Throws NOT_READY unless READY,
  /// FORKED in a child made by fork(), and the backend's Error.
  RunTimes run(const BatchInput& input, const BatchOutput& output);

  /// Throws FORKED in a child made by fork(). Asked before any lock is taken that another thread may have held.
  void require_home() const;

  /// Ends service: what runs ends normally, then the session is freed. Returns when it is; false when it was ended
  /// before.
  bool unload();

  void count(std::uint64_t analyses, std::uint64_t failures) noexcept;

  [[nodiscard]] const Bundle& bundle() const noexcept { return bundle_; }
  [[nodiscard]] const std::vector<std::uint32_t>& buckets() const noexcept { return buckets_; }
  [[nodiscard]] const std::string& preprocess_sha256() const noexcept { return preprocess_sha256_; }
  [[nodiscard]] const ModelRecord& record() const noexcept { return record_; }
  /// What really runs. Only once load() has returned.
  [[nodiscard]] const ExecutionRecord& execution() const noexcept { return execution_; }
  /// The thread budget that the model runs in.
  [[nodiscard]] int threads() const noexcept { return environment_.threads.threads; }
  [[nodiscard]] ModelState state() const;
  [[nodiscard]] ModelStatus status() const;

 private:
  void open();
  void prove();
  void set_state(ModelState state, std::string reason = {});
  RunTimes run_on_lane(const BatchInput& input, const BatchOutput& output);

  const base::HomeProcess home_;
  const Bundle bundle_;
  const LoadOptions options_;
  const Environment environment_;
  const std::vector<std::uint32_t> buckets_;
  const std::string preprocess_sha256_;
  const ModelRecord record_;

  ExecutionRecord execution_;         // written on the lane while LOADING, constant afterwards
  std::unique_ptr<Session> session_;  // touched on the lane only

  mutable std::mutex mutex_;  // guards the four below
  ModelState state_ = ModelState::loading;
  std::string reason_;
  SelfTestRecord self_test_;
  double load_ms_ = 0;

  std::atomic<std::uint64_t> analyses_{0};
  std::atomic<std::uint64_t> failures_{0};
  schedule::Lane lane_;  // last: its thread uses what stands above
};

}  // namespace mediscan::model
