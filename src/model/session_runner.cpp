#include "model/session_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include "base/large_memory.hpp"
#include "base/stopwatch.hpp"
#include "bundle/weights.hpp"
#include "preprocess/normalize.hpp"

namespace mediscan::model {
namespace {

/// So many pictures that fail one after the other put the session in doubt; twice as many the next time.
constexpr std::uint64_t failures_before_doubt = 3;

std::uint64_t bytes_of(std::span<const WeightsView> weights) {
  std::uint64_t bytes = 0;
  for (const WeightsView& file : weights) bytes += file.bytes.size();
  return bytes;
}

Error as_error(const std::exception& error, std::uint32_t batch) {
  if (const auto* known = dynamic_cast<const Error*>(&error)) return *known;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return {ErrorCode::out_of_memory, Stage::backend,
            fmt::format("the backend ran out of memory on a batch of {}", batch),
            "load the model with a smaller max_batch"};
  }
  return {ErrorCode::backend_failed, Stage::backend, error.what()};
}

/// Whatever `action` throws, as an Error.
template <class Action>
std::optional<Error> error_of(std::uint32_t batch, Action&& action) noexcept {
  try {
    try {
      action();
      return std::nullopt;
    } catch (const std::exception& error) {
      return as_error(error, batch);
    } catch (...) {
      return Error(ErrorCode::backend_failed, Stage::backend, "the backend threw something that is no std::exception");
    }
  } catch (...) {  // no memory for the error's own text
    return Error(ErrorCode::out_of_memory, Stage::backend, {});
  }
}

}  // namespace

SessionRunner::SessionRunner(Terms terms)
    : terms_(std::move(terms)),
      counters_(terms_.metrics->model(terms_.bundle->name)),
      channels_(terms_.bundle->input.channels()),
      height_(terms_.bundle->input_size().first),
      width_(terms_.bundle->input_size().second),
      outputs_(terms_.bundle->architecture.outputs),
      picture_(std::size_t{channels_} * height_ * width_) {}

/// When the self-test turned a precision away and nothing else opens the bundle, it is the self-test that failed.
backend::Opened SessionRunner::open_next(const backend::OpenContext& context, const LoadOptions& options) const {
  try {
    return backend::open_session(context, options, registered_backends());
  } catch (const Error& error) {
    const bool cannot = error.code() == ErrorCode::precision_unsupported || error.code() == ErrorCode::unsupported ||
                        error.code() == ErrorCode::backend_unavailable;
    if (left_.empty() || !cannot) throw;
    throw Error(ErrorCode::self_test_failed, Stage::model,
                fmt::format("{}; and no other precision opens it: {}", left_.back().why, error.message()),
                "quantise the model again with more of its own pictures, or use its fp32 bundle");
  }
}

OpenedFacts SessionRunner::open() { return open_with(terms_.options); }

OpenedFacts SessionRunner::open_as(const ExecutionRecord& other) {
  LoadOptions options = terms_.options;
  options.backend = other.backend;
  options.device = other.device;
  options.precision = other.precision;
  return open_with(std::move(options));
}

/// The weights' mapping ends with this function: a session keeps what it packed. Without a turn: opening takes long,
/// and other models' batches had better be slower for a while than stand still.
OpenedFacts SessionRunner::open_with(LoadOptions options) {
  std::optional<bundle::LoadedWeights> weights;
  const backend::OpenContext context{*terms_.bundle,
                                     [&]() -> std::span<const WeightsView> {
                                       if (!weights) weights = bundle::LoadedWeights::read(*terms_.bundle);
                                       return weights->views();
                                     },
                                     terms_.threads, terms_.libtorch, left_};
  if (!left_.empty()) options.fallback = Fallback::never;  // no stand-in for a network that failed its self-test
  backend::Opened opened = open_next(context, options);
  session_ = std::move(opened.session);
  precision_ = session_->precision();
  computes_on_cpu_ = session_->computes_on_cpu();
  takes_samples_ = session_->takes_samples();
  simulated_ = opened.backend->simulated();
  OpenedFacts facts;
  facts.execution.backend = opened.backend->name();
  facts.execution.backend_version = opened.backend->probe(terms_.libtorch).version;
  facts.execution.device = session_->device();
  facts.execution.precision = precision_;
  facts.execution.batch_size = terms_.buckets.back();
  facts.execution.simulated = simulated_;
  facts.execution.fallback_reason = std::move(opened.fallback_reason);
  facts.execution.precision_reason = backend::reason_of(opened.left);
  facts.takes_samples = takes_samples_;
  facts.memory_bytes = session_->memory_bytes();
  if (facts.memory_bytes == 0 && weights) facts.memory_bytes = bytes_of(weights->views());
  return facts;
}

bool SessionRunner::leave_precision(const Error& why) {
  const bool may = terms_.options.precision == "auto" && precision_ != backend::full_precision &&
                   why.code() == ErrorCode::self_test_failed;
  if (!may) return false;
  session_.reset();
  left_.push_back({precision_, why.message()});
  return true;
}

/// A session that only waits for a device leaves the CPU to others.
schedule::ComputeTurn SessionRunner::enter_compute() const {
  return schedule::enter_compute(computes_on_cpu_ ? terms_.threads : 1, terms_.budget);
}

SelfTestRecord SessionRunner::prove(const BucketDone& done) {
  const std::atomic<bool> never{false};
  SelfTestRecord record = self_test(*terms_.bundle, terms_.buckets, {precision_, simulated_, takes_samples_},
                                    [&](const BatchInput& input, const BatchOutput& output) {
                                      const auto turn = enter_compute();
                                      const base::Stopwatch watch;
                                      run_session(input, output, never);
                                      done(input.batch, watch.ms());
                                    });
  if (const std::string remark = session_->remark(); !remark.empty())
    terms_.log(LogLevel::warning, fmt::format("{} on {}: {}", terms_.bundle->name, session_->device(), remark));
  return record;
}

double SessionRunner::time_batch(const SelfTestPictures& pictures, std::uint32_t batch) {
  const std::atomic<bool> never{false};
  logits_.assign(std::size_t{batch} * outputs_, 0);
  const auto turn = enter_compute();
  const base::Stopwatch watch;
  run_session(pictures.first(batch, takes_samples_), {logits_.data(), batch, outputs_}, never);
  return watch.ms();
}

/// What a session throws goes on as an Error.
void SessionRunner::run_session(const BatchInput& input, const BatchOutput& output, const std::atomic<bool>& given_up) {
  const auto error = error_of(input.batch, [&] { session_->run(input, output, given_up); });
  if (error) throw Error(*error);
}

BatchInput SessionRunner::gather(schedule::Batch batch) {
  BatchInput input{
      nullptr, static_cast<std::uint32_t>(batch.size()), channels_, height_, width_, terms_.bundle->input.layout};
  if (std::ranges::none_of(batch, [](const auto& task) { return task->samples().empty(); })) {
    input.samples = gather_samples(batch);
  } else {
    input.data = gather_tensors(batch);
  }
  return input;
}

const std::uint8_t* SessionRunner::gather_samples(schedule::Batch batch) {
  if (batch.size() == 1) return batch.front()->samples().data();
  samples_.resize(terms_.buckets.back() * picture_);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    std::ranges::copy(batch[i]->samples(), samples_.begin() + static_cast<std::ptrdiff_t>(i * picture_));
  }
  return samples_.data();
}

/// Tensors that lie one after the other, as those of one caller's list do, are run where they are.
const float* SessionRunner::gather_tensors(schedule::Batch batch) {
  const float* const first = batch.front()->tensor().data();
  const bool adjacent = [&] {
    if (first == nullptr) return false;  // it has samples
    for (std::size_t i = 1; i < batch.size(); ++i) {
      if (batch[i]->tensor().data() != first + i * picture_) return false;
    }
    return true;
  }();
  if (adjacent) return first;
  if (!tensors_) tensors_ = base::allocate_floats(terms_.buckets.back() * picture_);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::span to(tensors_.get() + i * picture_, picture_);
    if (const auto samples = batch[i]->samples(); !samples.empty()) {
      recipe::normalize_samples(terms_.bundle->input, samples, height_, width_, to);
    } else {
      std::ranges::copy(batch[i]->tensor(), to.begin());
    }
  }
  return tensors_.get();
}

void SessionRunner::run_rows(schedule::Batch batch, const std::atomic<bool>& given_up) {
  const auto size = static_cast<std::uint32_t>(batch.size());
  schedule::BatchFacts facts{size, schedule::Clock::now(), 0};
  logits_.assign(std::size_t{size} * outputs_, std::nanf(""));  // a row that a backend leaves unwritten must not pass
  const base::Stopwatch watch;
  run_session(gather(batch), {logits_.data(), size, outputs_}, given_up);
  facts.inference_ms = watch.ms();
  counters_.batch_ran(size);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (batch[i]->take(std::span(logits_).subspan(i * outputs_, outputs_), facts)) {
      note_success();
    } else {
      note_failure(Error(ErrorCode::backend_failed, Stage::backend, "the logits were no result"));
    }
  }
}

bool SessionRunner::run(schedule::Batch batch, const std::atomic<bool>& given_up) noexcept {
  if (unfit_) {
    for (const auto& task : batch) task->fail(*unfit_);
    return false;
  }
  if (batch.size() == 1) {
    run_alone(batch.front(), given_up);
    return !unfit_;
  }
  if (!error_of(static_cast<std::uint32_t>(batch.size()), [&] { run_rows(batch, given_up); })) return true;
  for (const auto& task : batch) {
    if (!task->ended()) run_alone(task, given_up);
  }
  return false;
}

void SessionRunner::run_alone(const std::shared_ptr<schedule::Task>& task, const std::atomic<bool>& given_up) noexcept {
  if (unfit_) {
    task->fail(*unfit_);
    return;
  }
  const auto error = error_of(1, [&] { run_rows({&task, 1}, given_up); });
  if (!error) return;
  if (task->fail(*error)) note_failure(*error);
}

void SessionRunner::note_success() noexcept {
  failures_in_a_row_ = 0;
  prove_again_at_ = 0;
}

/// Is it the pictures or the session? Its self-test tells.
void SessionRunner::note_failure(const Error& error) noexcept {
  if (prove_again_at_ == 0) prove_again_at_ = failures_before_doubt;
  if (++failures_in_a_row_ < prove_again_at_) return;
  prove_again_at_ *= 2;
  const auto failed = error_of(1, [&] {
    const std::atomic<bool> never{false};
    self_test(*terms_.bundle, {terms_.buckets.front()}, {precision_, simulated_, takes_samples_},
              [&](const BatchInput& input, const BatchOutput& output) { run_session(input, output, never); });
  });
  if (!failed) return;
  try {
    unfit_ = Error(ErrorCode::backend_failed, Stage::backend,
                   fmt::format("{} pictures failed one after the other, the last with \"{}\", and then the self-test "
                               "failed: {}",
                               failures_in_a_row_, error.message(), failed->message()),
                   "load the model again; if it happens again, the backend or its device is at fault");
  } catch (...) {
    unfit_ = failed;
  }
  session_.reset();
  terms_.on_unfit(*unfit_);
}

void SessionRunner::close() noexcept { session_.reset(); }

}  // namespace mediscan::model
