// A task for the tests of the schedule room: it remembers what became of it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "schedule/lanes.hpp"

namespace mediscan::schedule {

class ScriptTask final : public Task {
 public:
  explicit ScriptTask(int priority = 0, Clock::time_point deadline = no_deadline, std::string name = {})
      : Task(rank_now(priority, deadline)), name_(std::move(name)) {}

  static std::shared_ptr<ScriptTask> in(std::chrono::milliseconds time, std::string name = {}) {
    return std::make_shared<ScriptTask>(0, Clock::now() + time, std::move(name));
  }

  [[nodiscard]] std::span<const float> tensor() const noexcept override { return {&number_, 1}; }
  void running() noexcept override { ran = true; }
  bool take(std::span<const float> logits, const BatchFacts& batch) noexcept override {
    if (!claim_end()) return true;
    const std::scoped_lock lock(mutex_);
    logit_ = logits.front();
    batch_ = batch.size;
    ++ends;
    return true;
  }
  void release() noexcept override { ++released; }
  void ring() noexcept override { fail(Error(ErrorCode::deadline_exceeded, Stage::schedule, "late")); }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::optional<ErrorCode> error() const {
    const std::scoped_lock lock(mutex_);
    return error_;
  }
  [[nodiscard]] std::uint32_t batch() const {
    const std::scoped_lock lock(mutex_);
    return batch_;
  }

  std::atomic<bool> ran{false};
  std::atomic<int> ends{0};
  std::atomic<int> released{0};
  Lanes* lanes = nullptr;  ///< told when the task fails, as an analysis does

 private:
  void failed(const Error& error) noexcept override {
    if (lanes != nullptr) lanes->withdraw(*this);
    const std::scoped_lock lock(mutex_);
    error_ = error.code();
    ++ends;
  }

  const std::string name_;
  float number_ = 1;
  mutable std::mutex mutex_;
  float logit_ = 0;
  std::uint32_t batch_ = 0;
  std::optional<ErrorCode> error_;
};

/// Runs what the test says with each batch, then gives every task its end.
class ScriptRunner final : public Runner {
 public:
  std::function<void(Batch, const std::atomic<bool>&)> script;
  std::vector<std::vector<std::string>> batches;  ///< names; read it when nothing runs
  std::atomic<int> closed{0};
  bool on_cpu = true;

  [[nodiscard]] bool computes_on_cpu() const noexcept override { return on_cpu; }
  bool run(Batch batch, const std::atomic<bool>& given_up) noexcept override {
    auto& names = batches.emplace_back();
    for (const auto& task : batch) names.push_back(static_cast<const ScriptTask&>(*task).name());
    if (script) script(batch, given_up);
    const float logit = 2;
    for (const auto& task : batch) task->take({&logit, 1}, {static_cast<std::uint32_t>(batch.size()), Clock::now(), 0});
    return true;
  }
  void close() noexcept override { ++closed; }
};

}  // namespace mediscan::schedule
