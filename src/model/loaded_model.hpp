// One bundle opened on its lanes, from LOADING to its end. The states only move forward: LOADING -> READY -> UNLOADING
// -> UNLOADED, or to FAILED from where it was LOADING or READY. Which of several serves a user is the slot's matter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mediscan/backend.hpp>
#include <mediscan/model_manager.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/home_process.hpp"
#include "model/environment.hpp"
#include "schedule/lanes.hpp"

namespace mediscan::model {

class SessionRunner;

/// What a profile had to do with the options that a model is loaded with.
struct ProfileNote {
  std::filesystem::path file;         ///< empty when none was used
  std::optional<std::string> reason;  ///< what it chose
  std::vector<Warning> warnings;      ///< why one was not used
};

class LoadedModel : public std::enable_shared_from_this<LoadedModel> {
 public:
  LoadedModel(std::shared_ptr<const Bundle> bundle, LoadOptions options, Environment environment,
              ProfileNote profile = {});
  ~LoadedModel();
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;

  /// Hash, build, self-test, warm-up. READY on return; FAILED with its reason when it throws. Once.
  void load();

  /// Keeps a model in service while work of it is in flight: unloading and eviction wait. Movable, empty by default.
  class Lease {
   public:
    Lease() = default;
    explicit Lease(std::shared_ptr<LoadedModel> model) noexcept : model_(std::move(model)) {}
    Lease(Lease&& other) noexcept : model_(std::move(other.model_)) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(model_, other.model_);
      return *this;
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      if (model_) model_->end_lease();
    }
    /// Another lease of the same model: it may be on its way out, but not while this one is out.
    [[nodiscard]] Lease share() const;
    [[nodiscard]] const std::shared_ptr<LoadedModel>& model() const noexcept { return model_; }
    [[nodiscard]] LoadedModel* operator->() const noexcept { return model_.get(); }
    [[nodiscard]] LoadedModel& operator*() const noexcept { return *model_; }
    explicit operator bool() const noexcept { return model_ != nullptr; }

   private:
    std::shared_ptr<LoadedModel> model_;
  };

  /// Empty unless READY.
  Lease lease();

  /// Ends service: waits until no lease is out, then frees the session. False when it was not READY.
  bool unload();
  /// The same if no lease is out now; false otherwise, and nothing has changed.
  bool unload_if_idle();

  [[nodiscard]] schedule::Lanes& lanes() noexcept { return lanes_; }
  /// Runs `action` on a lane's thread with the session there. As schedule::Lanes::call.
  void call(std::size_t lane, const std::function<void(SessionRunner&)>& action);
  [[nodiscard]] metrics::ModelCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] const Environment& environment() const noexcept { return environment_; }
  [[nodiscard]] const std::shared_ptr<const Bundle>& bundle_pointer() const noexcept { return bundle_; }
  [[nodiscard]] const Bundle& bundle() const noexcept { return *bundle_; }
  [[nodiscard]] const LoadOptions& options() const noexcept { return options_; }
  [[nodiscard]] const std::vector<std::uint32_t>& buckets() const noexcept { return buckets_; }
  [[nodiscard]] const std::string& preprocess_sha256() const noexcept { return preprocess_sha256_; }
  [[nodiscard]] const ModelRecord& record() const noexcept { return record_; }
  /// What really runs. Only while a lease is out.
  [[nodiscard]] const ExecutionRecord& execution() const noexcept { return execution_; }
  /// Whether its sessions take samples (backend.hpp). Likewise.
  [[nodiscard]] bool takes_samples() const noexcept { return takes_samples_; }
  /// The thread budget that the model runs in.
  [[nodiscard]] int threads() const noexcept { return environment_.threads.threads; }
  [[nodiscard]] std::string title() const;
  [[nodiscard]] ModelState state() const;
  /// Why it is FAILED, else empty.
  [[nodiscard]] std::string reason() const;
  /// Of what this model knows; the counts of a slot are the slot's.
  [[nodiscard]] ModelStatus status() const;
  [[nodiscard]] std::uint64_t memory_bytes() const;
  [[nodiscard]] std::chrono::steady_clock::time_point last_used() const noexcept;

 private:
  /// What the lane's callbacks may need after this object is gone.
  struct Condition;

  std::vector<std::shared_ptr<schedule::Runner>> make_runners();
  bool open_and_prove();
  void prove();
  void open_other_lanes();
  void end_lease() noexcept;
  void finish_unloading();

  const std::shared_ptr<const Bundle> bundle_;
  const LoadOptions options_;
  const Environment environment_;
  metrics::ModelCounters& counters_;
  const std::vector<std::uint32_t> buckets_;
  const std::string preprocess_sha256_;
  const ModelRecord record_;
  const std::shared_ptr<Condition> condition_;
  ExecutionRecord execution_;   // written while LOADING, constant afterwards
  bool takes_samples_ = false;  // likewise
  const ProfileNote profile_;
  std::vector<std::weak_ptr<SessionRunner>> runners_;  // one a lane
  ModelMemory::Share memory_;
  schedule::Lanes lanes_;
};

using Lease = LoadedModel::Lease;

}  // namespace mediscan::model
