// The straight line for one picture: bytes -> picture -> tensor -> batch -> logits -> record. Reading this file from
// top to bottom is reading what MediScan does.
#include "analyze/analysis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include "analyze/completion_queue.hpp"
#include "analyze/record.hpp"
#include "base/hash.hpp"
#include "base/stopwatch.hpp"
#include "cache/cache.hpp"
#include "preprocess/pipeline.hpp"
#include "preprocess/source_window.hpp"
#include "schedule/engine.hpp"

namespace mediscan::analyze {
namespace {

using std::chrono::milliseconds;

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::max(0.0, std::chrono::duration<double, std::milli>(to - from).count());
}

Clock::time_point deadline_of(const JobOptions& options) {
  return options.timeout <= std::chrono::nanoseconds::zero() ? schedule::no_deadline : schedule::after(options.timeout);
}

std::string name_of_input(const Input& input, const JobOptions& options) {
  if (!options.name.empty()) return options.name;
  const auto* image = std::get_if<Image>(&input);
  return image != nullptr ? image->info().name : std::string();
}

Error as_error(const std::exception& error) {
  if (const auto* known = dynamic_cast<const Error*>(&error)) return *known;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return {ErrorCode::out_of_memory, Stage::analyze, "out of memory while analysing",
            "analyse fewer or smaller pictures at once"};
  }
  return {ErrorCode::internal, Stage::analyze, error.what()};
}

/// Runs `action`; what it throws becomes an Error.
template <class Action>
std::optional<Error> error_of(Action&& action) noexcept {
  try {
    try {
      action();
      return std::nullopt;
    } catch (const std::exception& error) {
      return as_error(error);
    }
  } catch (...) {  // no memory for the error's own text
    return Error(ErrorCode::out_of_memory, Stage::analyze, {});
  }
}

/// The error with the picture's name, where there is memory for that.
Error named(const Error& error, const std::string& name) noexcept {
  try {
    return error.about(name);
  } catch (...) {
    return {ErrorCode::out_of_memory, Stage::analyze, {}};
  }
}

/// When about an eighth of a full queue will have been served.
milliseconds retry_after(const model::Lease& lease, std::uint64_t max_jobs) {
  constexpr double least = 10;
  constexpr double most = 10'000;
  constexpr milliseconds unknown{1000};
  if (!lease) return unknown;
  const double wait = lease->lanes().per_picture().count() * static_cast<double>(max_jobs) / 8;
  return milliseconds(static_cast<std::int64_t>(std::clamp(wait, least, most)));
}

std::string_view name_of_decoder(Decoder decoder) {
  switch (decoder) {
    case Decoder::automatic:
      return "auto";
    case Decoder::turbo:
      return "turbo";
    case Decoder::stb:
      return "stb";
  }
  return "?";
}

}  // namespace

CopiedBytes::CopiedBytes(std::span<const std::byte> bytes)
    : memory(base::allocate_large(bytes.size())), size(bytes.size()) {
  std::copy(bytes.begin(), bytes.end(), memory.get());
}

Analysis::Analysis(std::shared_ptr<model::Slot> slot, Input input, const JobOptions& options)
    : Task(schedule::rank_now(static_cast<int>(options.priority), deadline_of(options))),
      slot_(std::move(slot)),
      counters_(slot_->counters()),
      options_(options),
      name_(name_of_input(input, options)),
      input_(std::move(input)) {}

// ---- Accepted or refused.

void Analysis::accept(model::Lease lease) {
  auto& engine = *slot_->environment().engine;
  lease_ = std::move(lease);
  try {
    permit_ = engine.admission.admit(bytes_held(lease_ ? &*lease_ : nullptr),
                                     retry_after(lease_, engine.admission.max_jobs()));
    if (rank().deadline != schedule::no_deadline) require_in_time();
  } catch (const Error& error) {
    counters_.job_refused(error.code());
    throw;
  }
  engine.admission.expect_end();
  counters_.job_submitted();
  if (rank().deadline == schedule::no_deadline) return;
  const auto failure = error_of([&] {
    const std::scoped_lock lock(mutex_);
    alarm_ = engine.watch->add(rank().deadline, weak_from_this());
  });
  if (failure) give_up(*failure);  // the system starts no thread: without its alarm it is no job
}

std::uint64_t Analysis::bytes_held(const model::LoadedModel* model) const {
  std::uint64_t bytes = 0;
  if (const auto* own = std::get_if<std::vector<std::byte>>(&*input_)) bytes += own->size();
  if (const auto* copy = std::get_if<CopiedBytes>(&*input_)) bytes += copy->size;
  if (const auto* image = std::get_if<Image>(&*input_)) bytes += image->pixels().size();
  const Bundle& bundle = model != nullptr ? model->bundle() : slot_->bundle();
  const auto [height, width] = bundle.input_size();
  return bytes + std::uint64_t{bundle.input.channels()} * height * width * sizeof(float);
}

/// Early refusal: better now than when its time is up.
void Analysis::require_in_time() const {
  if (!lease_) return;
  const auto wait = lease_->lanes().expected_wait(rank());
  const std::chrono::duration<double, std::milli> left = rank().deadline - Clock::now();
  if (wait <= left) return;
  throw Error(ErrorCode::deadline_exceeded, Stage::schedule,
              fmt::format("cannot be done within {:.0f} ms: with the work ahead of it, it would take about {:.0f} ms",
                          std::chrono::duration<double, std::milli>(options_.timeout).count(), wait.count()),
              "give it more time or a higher priority, or send less work",
              milliseconds(static_cast<std::int64_t>(std::ceil((wait - left).count()))));
}

// ---- Handed in: on to the pool, when a model is there to prepare for.

void Analysis::submit() {
  waited_for_ = false;
  model::Lease lease;
  try {
    lease = slot_->try_lease();
  } catch (const Error& error) {
    counters_.job_refused(error.code());
    throw;
  }
  accept(std::move(lease));
  if (lease_) {
    post_to_pool();
  } else {
    wait_for_load();
  }
}

/// The thread that loads becomes the carrier, unless the model is there by now.
void Analysis::wait_for_load() noexcept {
  model::Lease lease;
  const auto failure = error_of(
      [&] { lease = slot_->lease_or([self = shared_from_this()](const auto& error) { self->load_ended(error); }); });
  if (failure) return give_up(*failure);
  if (!lease) return;
  lease_ = std::move(lease);
  post_to_pool();
}

void Analysis::load_ended(const std::optional<Error>& error) noexcept {
  if (error) return give_up(*error);
  if (ended()) return let_go();
  wait_for_load();
}

void Analysis::post_to_pool() noexcept {
  lease_->lanes().count_preparing(1);
  counted_as_preparing_ = true;
  move_to(Place::pool);
  const auto failure = error_of([&] {
    slot_->environment().engine->pool.post(rank(), [self = shared_from_this()] { prepare_and_enqueue(self); });
  });
  if (failure) give_up(*failure);
}

/// By the carrier.
void Analysis::give_up(const Error& error) noexcept {
  if (!claim_end()) return let_go();
  let_go();
  end_with(named(error, name_));
}

/// On a thread of the pool.
void Analysis::prepare_and_enqueue(const std::shared_ptr<Analysis>& one) noexcept {
  one->move_to(Place::none);
  if (one->prepare()) enqueue({&one, 1});
}

// ---- Prepared: cache, decode, preprocess. What throws here is this picture's failure alone.

bool Analysis::prepare(TensorRow row) noexcept {
  if (ended()) {
    let_go();
    return false;
  }
  prepare_began_ = Clock::now();
  advance(JobState::decoding);
  std::optional<Result> known;
  const auto failure = error_of([&] {
    known = look_in_cache();
    if (known) return;
    decode();
    preprocess(std::move(row));
  });
  if (failure) {
    give_up(*failure);
  } else if (known && claim_end()) {
    let_go();
    end_with(*std::move(known));
  } else if (ended()) {
    let_go();
  }
  return !ended();
}

/// Everything that the result depends on. The digest of the bytes stands for the bytes.
std::string Analysis::cache_key() const {
  std::string digest;
  std::string decoded_as;
  if (const auto* image = std::get_if<Image>(&*input_)) {
    digest = image->info().sha256;
    decoded_as = fmt::format("{} {}x{}x{} {} {}", image->info().decoder, image->width(), image->height(),
                             image->channels(), image->bits(), image->info().orientation_applied);
  } else {
    digest = base::sha256_hex(encoded());
    decoded_as = fmt::format("{} {} {}", name_of_decoder(options_.decode.decoder), options_.decode.apply_orientation,
                             options_.decode.fast_decode ? "fast" : "exact");
  }
  const model::LoadedModel& model = *lease_;
  const ExecutionRecord& ran = model.execution();
  return cache::key_of({digest, decoded_as, model.preprocess_sha256(), model.record().sha256,
                        model.record().manifest_sha256, ran.backend, ran.backend_version, ran.device, ran.precision,
                        model.options().batch_invariant});
}

std::span<const std::byte> Analysis::encoded() const {
  if (const auto* own = std::get_if<std::vector<std::byte>>(&*input_)) return *own;
  if (const auto* copy = std::get_if<CopiedBytes>(&*input_)) return {copy->memory.get(), copy->size};
  return std::get<std::span<const std::byte>>(*input_);
}

/// A hit is the record of the analysis that made it, with the name and the times of today.
std::optional<Result> Analysis::look_in_cache() {
  cache::Cache& cache = *slot_->environment().cache;
  if (!options_.cache || !cache.enabled()) return std::nullopt;
  if (!std::holds_alternative<Image>(*input_) && encoded().empty()) return std::nullopt;  // decoding says what is wrong
  key_ = cache_key();
  auto known = cache.find(key_);
  if (!known) return std::nullopt;
  known->input.name = name_;
  known->execution.cached = true;
  known->timing_ms = {};
  known->timing_ms.queue = waited_for_ ? 0 : ms_between(begun_, prepare_began_);
  known->timing_ms.total = ms_between(waited_for_ ? prepare_began_ : begun_, Clock::now());
  return known;
}

/// The recipe is known before the bytes are decoded, so only the pixels that it reads need be made, and with
/// fast_decode no larger than it needs them.
void Analysis::decode() {
  if (const auto* image = std::get_if<Image>(&*input_)) {
    picture_.emplace(*image);
    return;
  }
  const PreprocessSpec& recipe = lease_->bundle().input;
  const auto size_of = [](const image::Sides& picture) { return recipe::Size{picture.height, picture.width}; };
  const image::Need need{
      [&](const image::Sides& picture, std::uint32_t divisor) {
        return recipe::source_window(size_of(picture), recipe, divisor);
      },
      [&](const image::Sides& picture) { return recipe::sufficient_size(size_of(picture), recipe); },
  };
  picture_.emplace(image::decode_excerpt(encoded(), options_.decode, {}, need, lease_->threads()));
}

void Analysis::preprocess(TensorRow row) {
  const base::Stopwatch watch;
  const Bundle& bundle = lease_->bundle();
  const auto [height, width] = bundle.input_size();
  const std::size_t size = std::size_t{bundle.input.channels()} * height * width;
  if (!row.memory) {
    row.memory = base::allocate_floats(size);
    row.row = {row.memory.get(), size};
  }
  memory_ = std::move(row);
  if (lease_->takes_samples() && recipe::gives_bytes(picture_->stored, bundle.input)) {
    const std::span samples(reinterpret_cast<std::uint8_t*>(memory_.row.data()), size);
    recipe::samples_into(*picture_, bundle.input, samples, lease_->threads());
    samples_ = samples;
  } else {
    recipe::preprocess_into(*picture_, bundle.input, memory_.row, lease_->threads());
    tensor_ = memory_.row;
  }
  preprocess_ms_ = watch.ms();
}

// ---- Queued: from here on the lane carries it.

void Analysis::enqueue(std::span<const std::shared_ptr<Analysis>> prepared) noexcept {
  if (prepared.empty()) return;
  const std::shared_ptr<model::LoadedModel> model = prepared.front()->lease_.model();
  const auto failure = error_of([&] {
    std::vector<std::shared_ptr<schedule::Task>> tasks;
    tasks.reserve(prepared.size());
    for (const auto& one : prepared) {
      one->prepared_at_ = Clock::now();
      one->advance(JobState::queued);
      one->move_to(Place::lane);
      one->stop_counting_as_preparing();
      tasks.push_back(one);
    }
    model->lanes().enqueue(tasks);
  });
  if (!failure) return;
  for (const auto& one : prepared) one->give_up(*failure);
}

// ---- Run: the lane hands over what the network said.

bool Analysis::take(std::span<const float> logits, const schedule::BatchFacts& batch) noexcept {
  if (ended()) return true;
  std::optional<Result> result;
  const auto failure = error_of([&] { result = record(logits, batch); });
  if (!claim_end()) return true;
  if (result && !key_.empty()) slot_->environment().cache->store(key_, *result);
  let_go_of_bounds();
  if (result) {
    end_with(*std::move(result));
  } else {
    end_with(named(*failure, name_));
  }
  return !failure;
}

Result Analysis::record(std::span<const float> logits, const schedule::BatchFacts& batch) const {
  const bool was_decoded = std::holds_alternative<Image>(*input_);
  RunRecord run;
  run.preprocess_ms = preprocess_ms_;
  run.queue_ms = ms_between(prepared_at_, batch.begun) + (waited_for_ ? 0 : ms_between(begun_, prepare_began_));
  run.inference_ms = batch.inference_ms;
  run.batch_size = batch.size;
  run.since = waited_for_ ? prepare_began_ : begun_;
  run.earlier_ms = was_decoded ? picture_->stored.info().decode_ms : 0;
  Result result = result_of(*lease_, *picture_, logits, run);
  result.input.name = name_;
  return result;
}

// ---- Ended, once, whoever did it.

bool Analysis::cancel() {
  if (state() == JobState::done) return false;
  home_.require(Stage::schedule, "this job");
  return fail(Error(ErrorCode::cancelled, Stage::schedule, fmt::format("cancelled while {}", name_of(state())),
                    "it was asked for: submit the picture again if it is still wanted"));
}

/// Its time is up; on the watch's thread.
void Analysis::ring() noexcept {
  const auto late = error_of([&] {
    throw Error(ErrorCode::deadline_exceeded, Stage::schedule,
                fmt::format("not done within {:.0f} ms, it was still {}",
                            std::chrono::duration<double, std::milli>(options_.timeout).count(), name_of(state())),
                "give it more time or a higher priority, or send less work");
  });
  fail(*late);
}

/// By anyone, at any time. What waits in a queue leaves it; whoever carries it otherwise lets go when he sees its end.
void Analysis::failed(const Error& error) noexcept {
  Place place{};
  std::shared_ptr<model::LoadedModel> model;
  {
    const std::scoped_lock lock(mutex_);
    place = place_;
    model = lane_of_;
  }
  if (place == Place::pool && slot_->environment().engine->pool.withdraw(rank())) let_go();
  if (place == Place::lane && model) model->lanes().withdraw(*this);
  end_with(named(error, name_));
}

void Analysis::count_end(const Outcome<Result>& outcome) noexcept {
  static_cast<void>(error_of([&] {
    Timing timing;
    std::optional<ErrorCode> failure;
    if (outcome) {
      timing = outcome.value().timing_ms;
    } else {
      timing.total = ms_between(begun_, Clock::now());
      failure = outcome.error().code();
    }
    counters_.job_finished(failure, timing);
    slot_->count(failure.has_value());
  }));
}

void Analysis::end_with(Outcome<Result> outcome) noexcept {
  count_end(outcome);
  std::optional<schedule::Watch::Entry> alarm;
  {
    const std::scoped_lock lock(mutex_);
    outcome_.emplace(std::move(outcome));
    alarm = std::exchange(alarm_, std::nullopt);
    state_.store(JobState::done, std::memory_order_release);
    if (options_.completions) push_tag(*options_.completions, options_.tag);
    slot_->environment().engine->admission.end_told();
    done_.notify_all();
  }
  if (alarm) slot_->environment().engine->watch->remove(*alarm);
  tell();
}

void Analysis::tell() noexcept {
  if (!options_.on_done) return;
  const auto failure = error_of([&] {
    slot_->environment().engine->callbacks.post(schedule::rank_now(),
                                                [self = shared_from_this()] { self->call_back(); });
  });
  if (failure) call_back();
}

/// From a thread that does nothing else. The callback may hold the job, and so must not stay in it; what it throws is
/// its own affair.
void Analysis::call_back() noexcept {
  static_cast<void>(error_of([&] {
    const auto callback = std::exchange(options_.on_done, nullptr);
    callback(Job(shared_from_this()));
  }));
}

void Analysis::wait() const {
  if (state() == JobState::done) return;
  home_.require(Stage::schedule, "this job");
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return outcome_.has_value(); });
}

bool Analysis::wait_for(std::chrono::nanoseconds timeout) const {
  if (state() == JobState::done) return true;
  home_.require(Stage::schedule, "this job");
  std::unique_lock lock(mutex_);
  return done_.wait_until(lock, schedule::after(timeout), [this] { return outcome_.has_value(); });
}

// ---- What it holds.

void Analysis::advance(JobState to) noexcept {
  JobState now = state();
  while (now < to && now != JobState::done && !state_.compare_exchange_weak(now, to, std::memory_order_acq_rel)) {
  }
}

void Analysis::move_to(Place place) {
  const std::scoped_lock lock(mutex_);
  place_ = place;
  lane_of_ = place == Place::lane ? lease_.model() : nullptr;
}

void Analysis::stop_counting_as_preparing() noexcept {
  if (std::exchange(counted_as_preparing_, false)) lease_->lanes().count_preparing(-1);
}

/// Before its end is told, so that whoever hears of it finds room for the next.
void Analysis::let_go_of_bounds() noexcept {
  stop_counting_as_preparing();
  {
    const std::scoped_lock lock(mutex_);
    lane_of_.reset();
  }
  permit_ = {};
  lease_ = {};
}

/// By the carrier, when it carries no further.
void Analysis::let_go() noexcept {
  let_go_of_bounds();
  input_.reset();
  picture_.reset();
  tensor_ = {};
  samples_ = {};
  memory_ = {};
}

}  // namespace mediscan::analyze
