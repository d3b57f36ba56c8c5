// Keeps one slot a bundle and options: whoever asks first loads, the others wait for that load.
#include <fmt/format.h>

#include <algorithm>
#include <mediscan/error.hpp>
#include <mediscan/model_manager.hpp>
#include <mutex>
#include <thread>

#include "base/home_process.hpp"
#include "model/environment.hpp"
#include "model/slot.hpp"

namespace mediscan {

using model::Slot;

struct ModelManager::Impl {
  explicit Impl(const ManagerOptions& options) : environment(model::Environment::of(options)) {}

  std::shared_ptr<Slot> slot_for(const std::filesystem::path& bundle, const LoadOptions& options, bool& first);
  void require_mine(const Model& model) const;
  [[nodiscard]] metrics::Gauges gauges() const;

  const base::HomeProcess home;
  const model::Environment environment;
  mutable std::mutex mutex;
  std::vector<std::shared_ptr<Slot>> slots;  // in order of first load
};

namespace {

constexpr const char* manager_name = "this model manager";

/// The folder by its one true name, so that two spellings of it are one model.
std::filesystem::path canonical_folder(const std::filesystem::path& bundle) {
  std::error_code error;
  auto folder = std::filesystem::canonical(bundle, error);
  if (error) {
    throw Error(ErrorCode::not_found, Stage::bundle, fmt::format("{}: {}", bundle.string(), error.message()),
                "a bundle is a folder that holds mediscan.json");
  }
  return folder;
}

template <class Number>
void require_range(std::string_view name, Number value, Number least, Number most, std::string_view hint) {
  if (value >= least && value <= most) return;
  throw Error(ErrorCode::invalid_argument, Stage::argument,
              fmt::format("{} is {}, expected {} to {}", name, value, least, most), std::string(hint));
}

void require_precision(const std::string& precision) {
  for (const char* known : {"auto", "fp32", "bf16", "fp16", "int8"}) {
    if (precision == known) return;
  }
  throw Error(ErrorCode::invalid_argument, Stage::argument,
              fmt::format("precision is \"{}\", expected auto, fp32, bf16, fp16 or int8", precision),
              "fp32 suits every bundle; auto takes the fastest that the device offers and the bundle allows");
}

void validate(const LoadOptions& options, int budget) {
  using namespace std::chrono_literals;
  require_precision(options.precision);
  require_range("max_batch", options.max_batch, 1, 64, "8 suits most machines");
  require_range("lanes", options.lanes, 0, 64, "0 takes what a profile says, else 1");
  if (options.lanes > budget) {
    throw Error(ErrorCode::invalid_argument, Stage::argument,
                fmt::format("lanes is {}, the thread budget is {}", options.lanes, budget),
                "each lane needs a thread of its own: ask for fewer lanes, or give the manager more threads");
  }
  if (options.profile.empty()) {
    throw Error(ErrorCode::invalid_argument, Stage::argument, "profile is empty, expected auto, off or a file",
                "auto takes what `mediscan tune` wrote for this bundle and machine, if it did");
  }
  require_range<std::int64_t>("max_delay (microseconds)", options.max_delay.count(), 0, 1'000'000,
                              "0 suits CPUs, a few milliseconds GPUs");
  require_range<std::int64_t>("hang_timeout (milliseconds)", options.hang_timeout.count(), 10, 3'600'000,
                              "60 s suits most models");
}

std::shared_ptr<const Bundle> read_bundle(const std::filesystem::path& folder) {
  return std::make_shared<const Bundle>(Bundle::read(folder));
}

}  // namespace

/// The slot for this bundle: the one that is there, or a new one, which the caller is `first` to load.
std::shared_ptr<Slot> ModelManager::Impl::slot_for(const std::filesystem::path& bundle, const LoadOptions& options,
                                                   bool& first) {
  validate(options, environment.threads.threads);
  home.require(Stage::model, manager_name);
  const auto folder = canonical_folder(bundle);
  const auto same = [&](const std::shared_ptr<Slot>& slot) { return slot->serves(folder, options); };
  {
    const std::scoped_lock lock(mutex);
    const auto slot = std::find_if(slots.begin(), slots.end(), same);
    if (slot != slots.end() && (*slot)->usable()) return *slot;
  }
  auto made = std::make_shared<Slot>(read_bundle(folder), options, environment);
  const std::scoped_lock lock(mutex);
  const auto slot = std::find_if(slots.begin(), slots.end(), same);  // another may have been quicker
  if (slot != slots.end() && (*slot)->usable()) return *slot;
  first = true;
  made->expect_load();
  environment.memory->enroll(made);
  // A failed load of the same bundle gives its place to this attempt.
  if (slot != slots.end()) {
    *slot = made;
  } else {
    slots.push_back(made);
  }
  return made;
}

void ModelManager::Impl::require_mine(const Model& model) const {
  const std::scoped_lock lock(mutex);
  if (std::find(slots.begin(), slots.end(), model.slot()) != slots.end()) return;
  throw Error(ErrorCode::not_ready, Stage::model, "the model is not loaded in this manager",
              "it was unloaded already, or belongs to another manager");
}

metrics::Gauges ModelManager::Impl::gauges() const {
  metrics::Gauges now;
  {
    const std::scoped_lock lock(mutex);
    for (const auto& slot : slots) now.models.push_back(slot->gauges());
  }
  const cache::Status cached = environment.cache->status();
  now.cache_memory_bytes = cached.memory_bytes;
  now.redis_open = cached.redis_open;
  return now;
}

ModelManager::ModelManager(const ManagerOptions& options) : impl_(std::make_shared<Impl>(options)) {}

ModelManager::~ModelManager() {
  if (!impl_->home.is_here()) return;  // in a child made by fork() there is nothing to end
  std::vector<std::shared_ptr<Slot>> slots;
  {
    const std::scoped_lock lock(impl_->mutex);
    slots.swap(impl_->slots);
  }
  for (const auto& slot : slots) slot->unload();
  constexpr std::chrono::milliseconds for_a_moment{100};
  impl_->environment.cache->flush(for_a_moment);  // what is still to be written to Redis
}

ModelManager& ModelManager::shared() {
  // Never destroyed: lanes outlive the statics of the host.
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): the process has one, and it guards itself
  static auto* const manager = new ModelManager;
  return *manager;
}

Model ModelManager::load(const std::filesystem::path& bundle, const LoadOptions& options) {
  bool first = false;
  const auto slot = impl_->slot_for(bundle, options, first);
  if (first) {
    slot->load();
  } else {
    slot->wait();
  }
  return Model(slot);
}

Model ModelManager::load_async(const std::filesystem::path& bundle, const LoadOptions& options) {
  bool first = false;
  const auto slot = impl_->slot_for(bundle, options, first);
  if (first) slot->load_in_background();
  return Model(slot);
}

// NOLINTBEGIN(bugprone-exception-escape): no std::swap of two values
void ModelManager::swap(const Model& model, const std::filesystem::path& bundle) {
  swap(model, bundle, model.slot()->options());
}

void ModelManager::swap(const Model& model, const std::filesystem::path& bundle, const LoadOptions& options) {
  validate(options, impl_->environment.threads.threads);
  impl_->home.require(Stage::model, manager_name);
  impl_->require_mine(model);
  model.slot()->replace(read_bundle(canonical_folder(bundle)), options);
}
// NOLINTEND(bugprone-exception-escape)

bool ModelManager::unload(const Model& model) {
  const auto impl = impl_;
  impl->home.require(Stage::model, manager_name);
  const auto& slot = model.slot();
  {
    const std::scoped_lock lock(impl->mutex);
    if (std::find(impl->slots.begin(), impl->slots.end(), slot) == impl->slots.end()) return false;
  }
  if (!slot->unload()) return false;  // another thread is at it, or was
  const std::scoped_lock lock(impl->mutex);
  std::erase(impl->slots, slot);
  return true;
}

bool ModelManager::drain(std::chrono::nanoseconds timeout) {
  impl_->home.require(Stage::model, manager_name);
  auto& admission = impl_->environment.engine->admission;
  admission.close();
  const auto until = schedule::after(timeout);
  if (!admission.wait_for_none(timeout)) return false;
  constexpr std::chrono::milliseconds longest{60'000};
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  impl_->environment.cache->flush(std::min(left, longest));  // that it could not be written is no failure
  return true;
}

std::vector<ModelStatus> ModelManager::status() const {
  impl_->home.require(Stage::model, manager_name);
  std::vector<std::shared_ptr<Slot>> slots;
  {
    const std::scoped_lock lock(impl_->mutex);
    slots = impl_->slots;
  }
  std::vector<ModelStatus> all;
  all.reserve(slots.size());
  for (const auto& slot : slots) all.push_back(slot->status());
  return all;
}

EngineStatus ModelManager::engine_status() const {
  impl_->home.require(Stage::model, manager_name);
  const model::Environment& environment = impl_->environment;
  const auto level = environment.engine->admission.level();
  const cache::Status cached = environment.cache->status();
  EngineStatus status;
  status.threads = environment.threads.threads;
  status.threads_source = environment.threads.source;
  status.jobs = std::max(level.jobs, level.untold);
  status.max_jobs = environment.engine->admission.max_jobs();
  status.job_bytes = level.bytes;
  status.max_job_bytes = environment.engine->admission.max_bytes();
  status.model_bytes = environment.memory->used();
  status.max_model_bytes = environment.memory->max_bytes();
  status.cache_bytes = cached.memory_bytes;
  status.cache_entries = cached.memory_entries;
  status.redis = cached.redis;
  status.redis_answers = cached.redis && !cached.redis_open;
  status.shutting_down = level.closed;
  return status;
}

MetricsSnapshot ModelManager::metrics() const {
  impl_->home.require(Stage::model, manager_name);
  return impl_->environment.metrics->snapshot(impl_->gauges());
}

std::string ModelManager::prometheus() const {
  impl_->home.require(Stage::model, manager_name);
  return impl_->environment.metrics->prometheus(impl_->gauges());
}

ModelStatus Model::status() const { return slot_->status(); }

const Bundle& Model::bundle() const noexcept { return slot_->bundle(); }

void Model::wait() const { slot_->wait(); }

bool Model::wait_for(std::chrono::nanoseconds timeout) const { return slot_->wait_for(timeout); }

std::string_view name_of(ModelState state) noexcept {
  switch (state) {
    case ModelState::loading:
      return "LOADING";
    case ModelState::ready:
      return "READY";
    case ModelState::failed:
      return "FAILED";
    case ModelState::unloading:
      return "UNLOADING";
    case ModelState::unloaded:
      return "UNLOADED";
    case ModelState::evicted:
      return "EVICTED";
  }
  return "UNKNOWN";
}

}  // namespace mediscan
