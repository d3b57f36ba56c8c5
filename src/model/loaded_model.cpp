#include "model/loaded_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <utility>

#include "base/hash.hpp"
#include "base/stopwatch.hpp"
#include "model/session_runner.hpp"
#include "schedule/buckets.hpp"

namespace mediscan::model {
namespace {

std::string title_of(const Bundle& bundle) { return fmt::format("{} {}", bundle.name, bundle.version); }

/// Before a model is opened its memory is taken to be the size of its weights.
std::uint64_t weights_bytes(const Bundle& bundle) {
  std::uint64_t bytes = 0;
  for (const WeightsFile& file : bundle.weights) {
    std::error_code error;  // a file that is not there is the load's to tell
    const auto size = std::filesystem::file_size(bundle.directory / file.file, error);
    if (!error) bytes += size;
  }
  return bytes;
}

std::vector<std::uint32_t> buckets_of(const LoadOptions& options) {
  if (options.batch_invariant) return {1};
  return schedule::batch_buckets(static_cast<std::uint32_t>(options.max_batch));
}

std::size_t lanes_of(const LoadOptions& options) { return static_cast<std::size_t>(std::max(1, options.lanes)); }

/// The budget in equal parts.
int threads_of_each(const LoadOptions& options, const Environment& environment) {
  return std::max(1, environment.threads.threads / static_cast<int>(lanes_of(options)));
}

}  // namespace

struct LoadedModel::Condition {
  mutable std::mutex mutex;
  std::condition_variable idle;
  ModelState state = ModelState::loading;
  std::string reason;
  std::string phase = "waiting";
  double progress = 0;
  SelfTestRecord self_test;
  double load_ms = 0;
  std::uint64_t leases = 0;
  std::uint64_t memory_bytes = 0;
  std::atomic<std::chrono::steady_clock::time_point> last_used{std::chrono::steady_clock::now()};

  void advance(std::string now_at, double share) {
    const std::scoped_lock lock(mutex);
    phase = std::move(now_at);
    progress = share;
  }
  /// From LOADING or READY; a model on its way out is not FAILED.
  void fail(const std::string& why) {
    const std::scoped_lock lock(mutex);
    if (state != ModelState::loading && state != ModelState::ready) return;
    state = ModelState::failed;
    reason = why;
  }
};

namespace {

/// FAILED while in service: said in the log, and in the state before anyone hears of an error.
template <class Condition>
std::function<void(const Error&)> failing(const std::shared_ptr<Condition>& condition, const base::Log& log,
                                          const std::string& title) {
  return [condition, log, title](const Error& error) {
    condition->fail(error.message());
    log(LogLevel::error, fmt::format("model {} FAILED: {}", title, error.message()));
  };
}

schedule::LaneTerms lane_terms(const Bundle& bundle, const LoadOptions& options, const Environment& environment,
                               std::vector<std::uint32_t> buckets, std::function<void(const Error&)> on_stuck) {
  return {"model " + bundle.name,      std::move(buckets), threads_of_each(options, environment),
          environment.threads.threads, options.max_delay,  options.hang_timeout,
          std::move(on_stuck)};
}

}  // namespace

LoadedModel::LoadedModel(std::shared_ptr<const Bundle> bundle, LoadOptions options, Environment environment,
                         ProfileNote profile)
    : bundle_(std::move(bundle)),
      options_(std::move(options)),
      environment_(std::move(environment)),
      counters_(environment_.metrics->model(bundle_->name)),
      buckets_(buckets_of(options_)),
      preprocess_sha256_(base::sha256_hex(canonical_json(bundle_->input))),
      record_{bundle_->name, bundle_->version, bundle_->domain, bundle_->weights_sha256(), bundle_->manifest_sha256},
      condition_(std::make_shared<Condition>()),
      profile_(std::move(profile)),
      lanes_(lane_terms(*bundle_, options_, environment_, buckets_,
                        failing(condition_, environment_.log, title_of(*bundle_))),
             environment_.engine->watch, make_runners()) {}

std::vector<std::shared_ptr<schedule::Runner>> LoadedModel::make_runners() {
  std::vector<std::shared_ptr<schedule::Runner>> runners;
  for (std::size_t lane = 0; lane < lanes_of(options_); ++lane) {
    auto runner = std::make_shared<SessionRunner>(
        SessionRunner::Terms{bundle_, options_, buckets_, threads_of_each(options_, environment_),
                             environment_.threads.threads, environment_.libtorch, environment_.log,
                             environment_.metrics, failing(condition_, environment_.log, title_of(*bundle_))});
    runners_.push_back(runner);
    runners.push_back(std::move(runner));
  }
  return runners;
}

LoadedModel::~LoadedModel() = default;

std::string LoadedModel::title() const { return title_of(*bundle_); }

void LoadedModel::load() {
  const base::Stopwatch watch;
  try {
    condition_->advance("making room", 0);
    memory_ = environment_.memory->take(weights_bytes(*bundle_), "model " + title());
    while (!open_and_prove()) {
    }
    open_other_lanes();
  } catch (const Error& error) {
    condition_->fail(error.message());
    lanes_.close();
    memory_.resize(0);
    environment_.log(LogLevel::error, fmt::format("model {} FAILED: {}", title(), error.message()));
    throw;
  }
  {
    const std::scoped_lock lock(condition_->mutex);
    condition_->load_ms = watch.ms();
    condition_->phase = "ready";
    condition_->progress = 1;
    condition_->state = ModelState::ready;
  }
  if (execution_.fallback_reason) {
    environment_.log(LogLevel::warning,
                     fmt::format("model {} gives SIMULATED results: {}", title(), *execution_.fallback_reason));
  }
  environment_.log(LogLevel::info,
                   fmt::format("model {} READY on {} {} {} {}, {} x {} threads, in {:.0f} ms", title(),
                               execution_.backend, execution_.backend_version, execution_.device, execution_.precision,
                               lanes_.count(), threads_of_each(options_, environment_), watch.ms()));
}

/// False when precision "auto" has another to try.
bool LoadedModel::open_and_prove() {
  condition_->advance("reading weights and building the network", 0.05);
  OpenedFacts facts;
  call(0, [&](SessionRunner& runner) { facts = runner.open(); });
  execution_ = std::move(facts.execution);
  takes_samples_ = facts.takes_samples;
  execution_.profile_reason = profile_.reason;
  environment_.memory->settle(memory_, facts.memory_bytes, "model " + title());
  {
    const std::scoped_lock lock(condition_->mutex);
    condition_->memory_bytes = facts.memory_bytes;
  }
  try {
    prove();
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::self_test_failed) throw;
    bool goes_on = false;
    call(0, [&](SessionRunner& runner) { goes_on = runner.leave_precision(error); });
    if (!goes_on) throw;
    environment_.log(LogLevel::warning,
                     fmt::format("model {} leaves precision {}: {}", title(), execution_.precision, error.message()));
    return false;
  }
}

void LoadedModel::prove() {
  constexpr double begun = 0.5;  // of the whole load, as those measured with the demo bundles and ResNet-50 went
  condition_->advance("self-test", begun);
  std::size_t proven = 0;
  call(0, [&](SessionRunner& runner) {
    const SelfTestRecord record = runner.prove([&](std::uint32_t batch, double ms) {
      lanes_.seed_latency(batch, schedule::LatencyModel::Duration(ms));
      proven = std::min(proven + 1, buckets_.size());  // the smallest may be run in two forms
      condition_->advance("self-test",
                          begun + (1 - begun) * static_cast<double>(proven) / static_cast<double>(buckets_.size()));
    });
    const std::scoped_lock lock(condition_->mutex);
    condition_->self_test = record;
  });
}

/// The first lane has found out what opens and agrees; the others do the same, or the load fails.
void LoadedModel::open_other_lanes() {
  const std::uint64_t bytes_of_one = memory_.bytes();
  for (std::size_t lane = 1; lane < lanes_.count(); ++lane) {
    condition_->advance(fmt::format("opening lane {} of {}", lane + 1, lanes_.count()), 1);
    const std::uint64_t bytes = bytes_of_one * (lane + 1);
    environment_.memory->settle(memory_, bytes, "model " + title());
    call(lane, [&](SessionRunner& runner) {
      runner.open_as(execution_);
      runner.prove([](std::uint32_t, double) {});
    });
    const std::scoped_lock lock(condition_->mutex);
    condition_->memory_bytes = bytes;
  }
}

void LoadedModel::call(std::size_t lane, const std::function<void(SessionRunner&)>& action) {
  lanes_.call(lane, [&] { action(*runners_.at(lane).lock()); });
}

LoadedModel::Lease LoadedModel::lease() {
  const std::scoped_lock lock(condition_->mutex);
  if (condition_->state != ModelState::ready) return {};
  ++condition_->leases;
  condition_->last_used.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);
  return Lease(shared_from_this());
}

LoadedModel::Lease LoadedModel::Lease::share() const {
  const std::scoped_lock lock(model_->condition_->mutex);
  ++model_->condition_->leases;
  return Lease(model_);
}

void LoadedModel::end_lease() noexcept {
  const std::scoped_lock lock(condition_->mutex);
  if (--condition_->leases == 0) condition_->idle.notify_all();
}

bool LoadedModel::unload() {
  {
    std::unique_lock lock(condition_->mutex);
    if (condition_->state != ModelState::ready) return false;
    condition_->state = ModelState::unloading;
    condition_->idle.wait(lock, [&] { return condition_->leases == 0; });
  }
  finish_unloading();
  return true;
}

bool LoadedModel::unload_if_idle() {
  {
    const std::scoped_lock lock(condition_->mutex);
    if (condition_->state != ModelState::ready || condition_->leases != 0) return false;
    condition_->state = ModelState::unloading;
  }
  finish_unloading();
  return true;
}

void LoadedModel::finish_unloading() {
  lanes_.close();
  memory_.resize(0);
  {
    const std::scoped_lock lock(condition_->mutex);
    condition_->state = ModelState::unloaded;
    condition_->memory_bytes = 0;
  }
  environment_.log(LogLevel::info, fmt::format("model {} UNLOADED", title()));
}

ModelState LoadedModel::state() const {
  const std::scoped_lock lock(condition_->mutex);
  return condition_->state;
}

std::string LoadedModel::reason() const {
  const std::scoped_lock lock(condition_->mutex);
  return condition_->reason;
}

std::uint64_t LoadedModel::memory_bytes() const {
  const std::scoped_lock lock(condition_->mutex);
  return condition_->memory_bytes;
}

std::chrono::steady_clock::time_point LoadedModel::last_used() const noexcept {
  return condition_->last_used.load(std::memory_order_relaxed);
}

ModelStatus LoadedModel::status() const {
  ModelStatus status;
  for (const auto& entry : lanes_.latencies()) {
    status.latencies.push_back({entry.batch, entry.mean.count(), entry.deviation.count(), entry.samples});
  }
  status.queued = lanes_.waiting();
  status.directory = bundle_->directory;
  status.model = record_;
  status.lanes = static_cast<int>(lanes_.count());
  status.threads = threads_of_each(options_, environment_);
  status.profile = profile_.file;
  status.warnings = profile_.warnings;
  const std::scoped_lock lock(condition_->mutex);
  status.state = condition_->state;
  status.reason = condition_->reason;
  if (status.state != ModelState::loading) status.execution = execution_;  // before that, the lane is still writing it
  status.self_test = condition_->self_test;
  status.load_ms = condition_->load_ms;
  status.phase = condition_->phase;
  status.progress = condition_->progress;
  status.in_flight = condition_->leases;
  status.memory_bytes = condition_->memory_bytes;
  return status;
}

}  // namespace mediscan::model
