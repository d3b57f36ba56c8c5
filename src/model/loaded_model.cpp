#include "model/loaded_model.hpp"

#include <fmt/format.h>

#include <new>
#include <optional>
#include <utility>

#include "backend/select.hpp"
#include "base/hash.hpp"
#include "base/stopwatch.hpp"
#include "bundle/weights.hpp"
#include "model/self_test.hpp"
#include "schedule/buckets.hpp"
#include "schedule/compute_gate.hpp"

namespace mediscan::model {
namespace {

std::string title(const Bundle& bundle) { return fmt::format("{} {}", bundle.name, bundle.version); }

/// Whatever a session throws, as an Error.
void run_session(Session& session, const BatchInput& input, const BatchOutput& output) {
  static const std::atomic<bool> never{false};  // jobs that can be cancelled come with the scheduler
  try {
    session.run(input, output, never);
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, Stage::backend,
                fmt::format("the backend ran out of memory on a batch of {}", input.batch),
                "load the model with a smaller max_batch");
  } catch (const std::exception& error) {
    throw Error(ErrorCode::backend_failed, Stage::backend, error.what());
  } catch (...) {
    throw Error(ErrorCode::backend_failed, Stage::backend, "the backend threw something that is no std::exception");
  }
}

}  // namespace

LoadedModel::LoadedModel(Bundle bundle, LoadOptions options, Environment environment)
    : bundle_(std::move(bundle)),
      options_(std::move(options)),
      environment_(std::move(environment)),
      buckets_(schedule::batch_buckets(static_cast<std::uint32_t>(options_.max_batch))),
      preprocess_sha256_(base::sha256_hex(canonical_json(bundle_.input))),
      record_{bundle_.name, bundle_.version, bundle_.domain, bundle_.weights_sha256(), bundle_.manifest_sha256},
      lane_("model " + bundle_.name) {}

LoadedModel::~LoadedModel() {
  lane_.close([this] { session_.reset(); });
}

void LoadedModel::load() {
  const base::Stopwatch watch;
  try {
    lane_.run([this] { open(); });
    prove();
  } catch (const Error& error) {
    lane_.close([this] { session_.reset(); });
    set_state(ModelState::failed, error.message());
    environment_.log(LogLevel::error, fmt::format("model {} FAILED: {}", title(bundle_), error.message()));
    throw;
  }
  {
    const std::scoped_lock lock(mutex_);
    load_ms_ = watch.ms();
    state_ = ModelState::ready;
  }
  if (execution_.fallback_reason) {
    environment_.log(LogLevel::warning,
                     fmt::format("model {} gives SIMULATED results: {}", title(bundle_), *execution_.fallback_reason));
  }
  environment_.log(LogLevel::info,
                   fmt::format("model {} READY on {} {} {} {} in {:.0f} ms", title(bundle_), execution_.backend,
                               execution_.backend_version, execution_.device, execution_.precision, load_ms_));
}

/// On the lane. The weights' mapping ends with this function: a session keeps what it packed.
void LoadedModel::open() {
  std::optional<bundle::LoadedWeights> weights;
  const backend::OpenContext context{bundle_,
                                     [&]() -> std::span<const WeightsView> {
                                       if (!weights) weights = bundle::LoadedWeights::read(bundle_);
                                       return weights->views();
                                     },
                                     environment_.threads.threads, environment_.libtorch};
  const auto turn = schedule::enter_compute(environment_.threads.threads);
  backend::Opened opened = backend::open_session(context, options_, registered_backends());
  session_ = std::move(opened.session);
  execution_.backend = opened.backend->name();
  execution_.backend_version = opened.backend->probe(environment_.libtorch).version;
  execution_.device = session_->device();
  execution_.precision = session_->precision();
  execution_.batch_size = static_cast<std::uint32_t>(options_.max_batch);
  execution_.simulated = opened.backend->simulated();
  execution_.fallback_reason = std::move(opened.fallback_reason);
}

void LoadedModel::prove() {
  const SelfTestRecord record =
      self_test(bundle_, buckets_, execution_.simulated,
                [this](const BatchInput& input, const BatchOutput& output) { run_on_lane(input, output); });
  const std::scoped_lock lock(mutex_);
  self_test_ = record;
}

void LoadedModel::require_home() const { home_.require(Stage::model, "model " + title(bundle_)); }

RunTimes LoadedModel::run(const BatchInput& input, const BatchOutput& output) {
  if (const ModelState now = state(); now != ModelState::ready) {
    throw Error(ErrorCode::not_ready, Stage::model, fmt::format("model {} is {}", title(bundle_), name_of(now)),
                now == ModelState::failed ? "its status says why" : "load it again");
  }
  return run_on_lane(input, output);
}

RunTimes LoadedModel::run_on_lane(const BatchInput& input, const BatchOutput& output) {
  RunTimes times;
  const base::Stopwatch queued;
  lane_.run([&] {
    const auto turn = schedule::enter_compute(environment_.threads.threads);
    times.queue = queued.ms();
    const base::Stopwatch running;
    run_session(*session_, input, output);
    times.inference = running.ms();
  });
  return times;
}

bool LoadedModel::unload() {
  {
    const std::scoped_lock lock(mutex_);
    if (state_ != ModelState::ready) return false;
    state_ = ModelState::unloading;
  }
  lane_.close([this] { session_.reset(); });
  set_state(ModelState::unloaded);
  environment_.log(LogLevel::info, fmt::format("model {} UNLOADED", title(bundle_)));
  return true;
}

void LoadedModel::count(std::uint64_t analyses, std::uint64_t failures) noexcept {
  analyses_.fetch_add(analyses, std::memory_order_relaxed);
  failures_.fetch_add(failures, std::memory_order_relaxed);
}

void LoadedModel::set_state(ModelState state, std::string reason) {
  const std::scoped_lock lock(mutex_);
  state_ = state;
  reason_ = std::move(reason);
}

ModelState LoadedModel::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

ModelStatus LoadedModel::status() const {
  const std::scoped_lock lock(mutex_);
  ModelStatus status;
  status.state = state_;
  status.reason = reason_;
  status.directory = bundle_.directory;
  status.model = record_;
  if (state_ != ModelState::loading) status.execution = execution_;  // before that, the lane is still writing it
  status.self_test = self_test_;
  status.load_ms = load_ms_;
  status.analyses = analyses_;
  status.failures = failures_;
  return status;
}

}  // namespace mediscan::model
