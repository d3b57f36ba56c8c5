// What a user's Model refers to: a place in which one loaded model serves, and in which another may take its place. It
// knows the load in flight, brings an evicted model back, and swaps without a request failing.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mediscan/error.hpp>
#include <mediscan/model_manager.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "model/loaded_model.hpp"

namespace mediscan::model {

class Slot final : public Evictable, public std::enable_shared_from_this<Slot> {
 public:
  Slot(std::shared_ptr<const Bundle> bundle, LoadOptions options, Environment environment);

  /// A load is about to be made by the caller: others wait for it from now on.
  void expect_load();
  /// The first load, on the calling thread. Throws what loading throws; the slot is FAILED then.
  void load();
  /// The same on a thread of the engine; failures stand in status() and are thrown by wait().
  void load_in_background();

  /// Returns when no load is in flight; throws the Error of the one that failed, NOT_READY when unloaded.
  void wait() const;
  [[nodiscard]] bool wait_for(std::chrono::nanoseconds timeout) const;

  /// The model in service. Waits for a load in flight and brings an evicted model back. Throws NOT_READY (unloaded,
  /// FAILED), FORKED, and what a load throws that this call had to make.
  Lease lease();
  /// The same without waiting: empty while a load is in flight, and while the model is evicted.
  Lease try_lease();
  /// Called once the load in flight has ended, with its error if it failed; on the thread that loaded.
  using LoadEnded = std::function<void(const std::optional<Error>&)>;
  /// The same without waiting: an empty lease means that a load is in flight, and `ended` will be called.
  Lease lease_or(LoadEnded ended);

  /// Loads another bundle beside the one in service, and puts it in its place once it is READY; returns when the old
  /// one's work is done and its memory freed. On failure throws, and the old one serves on as if nothing had happened.
  void replace(std::shared_ptr<const Bundle> bundle, LoadOptions options);

  /// Ends service. Returns when work in flight has ended; false when it was ended before.
  bool unload();

  [[nodiscard]] std::chrono::steady_clock::time_point last_used() const noexcept override;
  bool try_evict() override;

  void count(bool failed) noexcept;
  [[nodiscard]] const Environment& environment() const noexcept { return environment_; }
  /// Of the bundle in service now. They live as long as the slot.
  [[nodiscard]] metrics::ModelCounters& counters() const;

  /// LOADING, READY or evicted: a second load of the same bundle is this one.
  [[nodiscard]] bool usable() const;
  [[nodiscard]] bool serves(const std::filesystem::path& directory, const LoadOptions& options) const;
  [[nodiscard]] LoadOptions options() const;
  [[nodiscard]] ModelStatus status() const;
  /// Of the bundle in service, or the last one that was. Stays valid as long as the slot, swaps or not.
  [[nodiscard]] const Bundle& bundle() const noexcept;
  [[nodiscard]] metrics::ModelGauges gauges() const;
  void require_home() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  std::shared_ptr<LoadedModel> load_model(const std::shared_ptr<const Bundle>& bundle, const LoadOptions& options);
  std::optional<Error> make_and_load(Lock& lock);
  void finish_load(Lock& lock, const std::optional<Error>& error);
  Lease lease_now(const Lock& lock);
  void start_in_background(Lock& lock);
  [[noreturn]] void refuse() const;
  [[nodiscard]] std::string title() const;

  const base::HomeProcess home_;
  const Environment environment_;

  mutable std::mutex mutex_;  // guards all below
  mutable std::condition_variable changed_;
  std::vector<std::shared_ptr<const Bundle>> bundles_;  ///< all that ever served, so that references to them stay valid
  LoadOptions options_;
  std::shared_ptr<LoadedModel> serving_;
  std::shared_ptr<LoadedModel> candidate_;  ///< the one that is being loaded
  bool loading_ = false;
  bool swapping_ = false;
  bool evicted_ = false;
  bool closed_ = false;
  std::optional<Error> error_;
  std::vector<LoadEnded> when_loaded_;
  std::uint64_t swaps_ = 0;
  std::uint64_t evictions_ = 0;

  std::atomic<std::uint64_t> analyses_{0};
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace mediscan::model
