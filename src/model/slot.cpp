#include "model/slot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <utility>

#include "model/profile_choice.hpp"
#include "schedule/engine.hpp"

namespace mediscan::model {
namespace {

/// What `action` throws, as an Error.
template <class Action>
std::optional<Error> error_of(const std::string& title, Action&& action) {
  try {
    action();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::out_of_memory, Stage::model, title + ": out of memory while loading");
  } catch (const std::exception& error) {
    return Error(ErrorCode::internal, Stage::model, fmt::format("{}: {}", title, error.what()));
  }
}

/// The bundle comes last. One that served before stands only once, so that swapping to and fro keeps nothing more.
void keep(std::vector<std::shared_ptr<const Bundle>>& bundles, std::shared_ptr<const Bundle> bundle) {
  const auto same = [&](const auto& other) {
    return other->directory == bundle->directory && other->manifest_sha256 == bundle->manifest_sha256;
  };
  if (const auto before = std::find_if(bundles.begin(), bundles.end(), same); before != bundles.end()) {
    std::rotate(before, before + 1, bundles.end());
  } else {
    bundles.push_back(std::move(bundle));
  }
}

}  // namespace

Slot::Slot(std::shared_ptr<const Bundle> bundle, LoadOptions options, Environment environment)
    : environment_(std::move(environment)), bundles_{std::move(bundle)}, options_(std::move(options)) {}

std::string Slot::title() const { return fmt::format("model {} {}", bundles_.back()->name, bundles_.back()->version); }

void Slot::require_home() const { home_.require(Stage::model, title()); }

/// Loads a bundle as the options and a profile say, and as the options alone when what the profile chose does not load.
std::shared_ptr<LoadedModel> Slot::load_model(const std::shared_ptr<const Bundle>& bundle, const LoadOptions& options) {
  const auto load = [&](const LoadOptions& settled, ProfileNote note) {
    for (const Warning& warning : note.warnings) environment_.log(LogLevel::warning, warning.message);
    auto model = std::make_shared<LoadedModel>(bundle, settled, environment_, std::move(note));
    {
      const std::scoped_lock lock(mutex_);
      candidate_ = model;
    }
    model->load();
    return model;
  };
  auto [settled, note] = options_by_profile(*bundle, options, environment_);
  const auto file = note.file;
  if (file.empty()) return load(options, std::move(note));
  try {
    return load(settled, std::move(note));
  } catch (const Error& error) {
    if (!may_be_the_choice(error)) throw;
    return load(
        options,
        {{},
         {},
         {profile_ignored(fmt::format("{}: what it chose does not load: {}", file.string(), error.message()))}});
  }
}

/// Loads what the slot is for. `loading_` is already set; the lock is given back meanwhile.
std::optional<Error> Slot::make_and_load(Lock& lock) {
  const auto bundle = bundles_.back();
  const LoadOptions options = options_;
  std::shared_ptr<LoadedModel> model;
  lock.unlock();
  auto error = error_of(bundle->directory.string(), [&] { model = load_model(bundle, options); });
  auto& counters = environment_.metrics->model(bundle->name);
  error ? counters.load_failed() : counters.loaded();
  lock.lock();
  if (!error) serving_ = std::move(model);
  finish_load(lock, error);
  return error;
}

/// Tells everyone who waits. The lock is given back meanwhile.
void Slot::finish_load(Lock& lock, const std::optional<Error>& error) {
  candidate_.reset();
  loading_ = false;
  // An evicted model that finds no room at the moment can come back later; any other failure lasts.
  const bool later = evicted_ && error && error->code() == ErrorCode::overloaded;
  evicted_ = later;
  error_ = later ? std::nullopt : error;
  const auto waiting = std::exchange(when_loaded_, {});
  changed_.notify_all();
  lock.unlock();
  for (const LoadEnded& call : waiting) call(error);
  lock.lock();
}

void Slot::expect_load() {
  const std::scoped_lock lock(mutex_);
  loading_ = true;
}

void Slot::load() {
  Lock lock(mutex_);
  loading_ = true;
  if (const auto error = make_and_load(lock)) throw Error(*error);
}

void Slot::load_in_background() {
  Lock lock(mutex_);
  try {
    start_in_background(lock);
  } catch (const Error& error) {
    finish_load(lock, error);
    throw;
  }
}

void Slot::start_in_background(Lock& /*held*/) {
  environment_.engine->loads.post(schedule::rank_now(), [self = shared_from_this()] {
    Lock lock(self->mutex_);
    self->make_and_load(lock);
  });
  loading_ = true;
}

void Slot::wait() const {
  require_home();
  Lock lock(mutex_);
  changed_.wait(lock, [this] { return !loading_; });
  if (error_) throw Error(*error_);
  if (closed_) refuse();
}

bool Slot::wait_for(std::chrono::nanoseconds timeout) const {
  require_home();
  Lock lock(mutex_);
  return changed_.wait_until(lock, schedule::after(timeout), [this] { return !loading_; });
}

void Slot::refuse() const {
  if (closed_) {
    throw Error(ErrorCode::not_ready, Stage::model, fmt::format("{} is UNLOADED", title()), "load it again");
  }
  const std::string why = error_ ? error_->message() : serving_ ? serving_->reason() : std::string();
  throw Error(ErrorCode::not_ready, Stage::model, fmt::format("{} is FAILED: {}", title(), why), "load it again");
}

/// A lease when a model serves; empty when one is to be waited for or brought back. Throws when there is nothing to
/// wait for.
Lease Slot::lease_now(const Lock& /*held*/) {
  if (closed_) refuse();
  if (serving_) {
    if (auto lease = serving_->lease()) return lease;
    refuse();  // FAILED in service: what leaves otherwise has left `serving_` before
  }
  if (!loading_ && !evicted_) refuse();
  return {};
}

Lease Slot::lease() {
  home_.require(Stage::model, "this model");
  Lock lock(mutex_);
  for (;;) {
    if (auto lease = lease_now(lock)) return lease;
    if (loading_) {
      changed_.wait(lock);
      continue;
    }
    loading_ = true;
    if (const auto error = make_and_load(lock)) throw Error(*error);
  }
}

Lease Slot::try_lease() {
  home_.require(Stage::model, "this model");
  Lock lock(mutex_);
  return lease_now(lock);
}

Lease Slot::lease_or(LoadEnded ended) {
  home_.require(Stage::model, "this model");
  Lock lock(mutex_);
  if (auto lease = lease_now(lock)) return lease;
  if (!loading_) start_in_background(lock);
  when_loaded_.push_back(std::move(ended));
  return {};
}

void Slot::replace(std::shared_ptr<const Bundle> bundle, LoadOptions options) {
  require_home();
  {
    Lock lock(mutex_);
    if (closed_) refuse();
    if (swapping_ || loading_) {
      throw Error(ErrorCode::overloaded, Stage::model, fmt::format("{} is being loaded or swapped already", title()),
                  "wait for that to end", std::chrono::milliseconds(1000));
    }
    swapping_ = true;
  }
  auto& counters = environment_.metrics->model(bundle->name);
  std::shared_ptr<LoadedModel> next;
  const auto error = error_of(bundle->directory.string(), [&] { next = load_model(bundle, options); });
  Lock lock(mutex_);
  swapping_ = false;
  candidate_.reset();
  if (error || closed_) {
    lock.unlock();
    counters.rolled_back();
    if (!error) {
      next->unload();
      throw Error(ErrorCode::not_ready, Stage::model,
                  fmt::format("model {} was unloaded while it was swapped", bundle->name), "load it again");
    }
    environment_.log(LogLevel::error, fmt::format("swap to {} {} rolled back, the model in service serves on: {}",
                                                  bundle->name, bundle->version, error->message()));
    throw Error(*error);
  }
  const std::string from = title();
  const auto old = std::exchange(serving_, next);
  keep(bundles_, std::move(bundle));
  options_ = std::move(options);
  evicted_ = false;
  error_.reset();
  ++swaps_;
  const std::string to = title();
  changed_.notify_all();
  lock.unlock();
  counters.swapped();
  environment_.log(LogLevel::info, fmt::format("{} gave way to {}", from, to));
  if (old) old->unload();
}

bool Slot::unload() {
  require_home();
  std::shared_ptr<LoadedModel> model;
  {
    Lock lock(mutex_);
    if (closed_) return false;
    changed_.wait(lock, [this] { return !loading_; });
    if (closed_) return false;
    closed_ = true;
    model = serving_;  // stays, so that status() can say UNLOADING and UNLOADED
  }
  if (model) model->unload();
  return true;
}

std::chrono::steady_clock::time_point Slot::last_used() const noexcept {
  const std::scoped_lock lock(mutex_);
  return serving_ ? serving_->last_used() : std::chrono::steady_clock::time_point{};
}

bool Slot::try_evict() {
  Lock lock(mutex_, std::try_to_lock);  // a slot at work is no candidate
  if (!lock || closed_ || loading_ || swapping_ || !serving_) return false;
  // Under the lock, so that whoever comes finds it evicted rather than leaving. The lane is idle: this is quick.
  if (!serving_->unload_if_idle()) return false;
  serving_.reset();
  evicted_ = true;
  ++evictions_;
  environment_.metrics->model(bundles_.back()->name).evicted();
  lock.unlock();
  environment_.log(LogLevel::info,
                   fmt::format("model {} gave its memory back; it comes back on use", bundles_.back()->name));
  return true;
}

void Slot::count(bool failed) noexcept {
  analyses_.fetch_add(1, std::memory_order_relaxed);
  if (failed) failures_.fetch_add(1, std::memory_order_relaxed);
}

metrics::ModelCounters& Slot::counters() const { return environment_.metrics->model(bundle().name); }

bool Slot::usable() const {
  const std::scoped_lock lock(mutex_);
  if (closed_) return false;
  if (loading_ || evicted_) return true;
  return serving_ && serving_->state() == ModelState::ready;
}

bool Slot::serves(const std::filesystem::path& directory, const LoadOptions& options) const {
  const std::scoped_lock lock(mutex_);
  return bundles_.back()->directory == directory && options_ == options;
}

LoadOptions Slot::options() const {
  const std::scoped_lock lock(mutex_);
  return options_;
}

ModelStatus Slot::status() const {
  const std::scoped_lock lock(mutex_);
  ModelStatus status;
  if (const auto& shown = serving_ ? serving_ : candidate_) {
    status = shown->status();
  } else {
    const Bundle& bundle = *bundles_.back();
    status.directory = bundle.directory;
    status.model = {bundle.name, bundle.version, bundle.domain, bundle.weights_sha256(), bundle.manifest_sha256};
    status.phase = "waiting";
  }
  if (evicted_ && !loading_) status.state = ModelState::evicted;
  if (error_ && !loading_ && !serving_) {
    status.state = ModelState::failed;
    status.reason = error_->message();
  }
  if (closed_ && !serving_) status.state = ModelState::unloaded;
  if (swapping_ && serving_ && candidate_) {
    const ModelStatus next = candidate_->status();
    status.phase = "swapping: " + next.phase;
    status.progress = next.progress;
  }
  status.analyses = analyses_;
  status.failures = failures_;
  status.swaps = swaps_;
  status.evictions = evictions_;
  return status;
}

const Bundle& Slot::bundle() const noexcept {
  const std::scoped_lock lock(mutex_);
  return *bundles_.back();
}

metrics::ModelGauges Slot::gauges() const {
  const std::scoped_lock lock(mutex_);
  metrics::ModelGauges gauges{bundles_.back()->name, 0, 0};
  if (serving_) {
    gauges.queued = serving_->lanes().waiting();
    gauges.memory_bytes = serving_->memory_bytes();
  }
  return gauges;
}

}  // namespace mediscan::model
