// What a model's lane does: opens the backend's session, proves it, runs batches through it, closes it. Everything here
// happens on the lane's thread. Not for states, and not for what logits mean.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mediscan/backend.hpp>
#include <mediscan/model_manager.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/select.hpp"
#include "base/log.hpp"
#include "metrics/metrics.hpp"
#include "model/self_test.hpp"
#include "schedule/compute_gate.hpp"
#include "schedule/lanes.hpp"

namespace mediscan::model {

/// What opening a session found out.
struct OpenedFacts {
  ExecutionRecord execution;
  std::uint64_t memory_bytes = 0;
  bool takes_samples = false;
};

class SessionRunner final : public schedule::Runner {
 public:
  struct Terms {
    std::shared_ptr<const Bundle> bundle;
    LoadOptions options;
    std::vector<std::uint32_t> buckets;
    int threads = 1;  ///< of this session
    int budget = 1;   ///< of the process
    std::filesystem::path libtorch;
    base::Log log;
    std::shared_ptr<metrics::Metrics> metrics;
    /// The session failed its self-test while in service, and no batch will run any more.
    std::function<void(const Error&)> on_unfit;
  };

  explicit SessionRunner(Terms terms);

  /// Opens the bundle. Throws what backends throw. Again after leave_precision(), at the next precision.
  OpenedFacts open();
  /// Opens the bundle on the same backend and device and in the same precision as another lane did.
  OpenedFacts open_as(const ExecutionRecord& other);

  /// Whether precision "auto" goes past the one that is open, which did not pass prove() as `why` says. Closes it then.
  bool leave_precision(const Error& why);

  using BucketDone = std::function<void(std::uint32_t batch, double ms)>;
  /// Runs the self-test at every batch size in use, and so warms each. Throws SELF_TEST_FAILED and what a run throws.
  SelfTestRecord prove(const BucketDone& done);

  /// Runs so many of the pictures, in the form that the session likes better, and gives how long it took, without the
  /// wait for the turn. For measuring. Throws what a run throws.
  double time_batch(const SelfTestPictures& pictures, std::uint32_t batch);

  /// A batch that fails is run again picture by picture, so that one picture's fault costs the others only time. When
  /// pictures keep failing one after the other, the session must pass its self-test again or is taken out of service.
  bool run(schedule::Batch batch, const std::atomic<bool>& given_up) noexcept override;
  [[nodiscard]] bool computes_on_cpu() const noexcept override { return computes_on_cpu_; }
  void close() noexcept override;

 private:
  [[nodiscard]] OpenedFacts open_with(LoadOptions options);
  [[nodiscard]] backend::Opened open_next(const backend::OpenContext& context, const LoadOptions& options) const;
  [[nodiscard]] schedule::ComputeTurn enter_compute() const;
  void run_session(const BatchInput& input, const BatchOutput& output, const std::atomic<bool>& given_up);
  void run_rows(schedule::Batch batch, const std::atomic<bool>& given_up);
  /// The batch's pictures one after the other: as samples when all of them are.
  [[nodiscard]] BatchInput gather(schedule::Batch batch);
  [[nodiscard]] const std::uint8_t* gather_samples(schedule::Batch batch);
  [[nodiscard]] const float* gather_tensors(schedule::Batch batch);
  void run_alone(const std::shared_ptr<schedule::Task>& task, const std::atomic<bool>& given_up) noexcept;
  void note_failure(const Error& error) noexcept;
  void note_success() noexcept;

  const Terms terms_;
  metrics::ModelCounters& counters_;
  const std::uint32_t channels_;
  const std::uint32_t height_;
  const std::uint32_t width_;
  const std::uint32_t outputs_;
  const std::size_t picture_;  ///< numbers in one picture's tensor
  std::unique_ptr<Session> session_;
  bool simulated_ = false;
  bool computes_on_cpu_ = true;
  bool takes_samples_ = false;
  std::string precision_;                     ///< what the session runs in
  std::vector<backend::LeftPrecision> left_;  ///< by the self-test
  std::shared_ptr<float[]> tensors_;          ///< room for the largest batch, once one had to be put together
  std::vector<std::uint8_t> samples_;         ///< likewise
  std::vector<float> logits_;
  std::uint64_t failures_in_a_row_ = 0;
  std::uint64_t prove_again_at_ = 0;
  std::optional<Error> unfit_;
};

}  // namespace mediscan::model
