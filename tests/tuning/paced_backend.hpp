// A backend that sleeps as long as a test says, so that it is known beforehand which configuration is the fastest.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mediscan/backend.hpp>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mediscan::test {

/// Milliseconds of a batch: so many for the batch and so many for each picture.
struct Pace {
  double batch = 0;
  double picture = 0;
};

struct Paces {
  std::map<std::pair<std::string, int>, Pace> of;       ///< by precision and threads of the session
  std::vector<std::string> precisions = {"fp32"};       ///< what the device has
  std::map<std::string, std::vector<float>> logits_at;  ///< of a precision that does not give the bundle's
  std::string breaks_at;                                ///< precision at which runs fail from `breaks_after` on
  int breaks_after = 0;
  std::atomic<int> opened{0};
  std::atomic<int> runs_at_break{0};
};

class PacedSession final : public Session {
 public:
  PacedSession(std::shared_ptr<Paces> paces, std::string precision, int threads)
      : paces_(std::move(paces)), precision_(std::move(precision)), threads_(threads) {
    ++paces_->opened;
  }
  void run(const BatchInput& input, const BatchOutput& output, const std::atomic<bool>& /*cancelled*/) override {
    if (precision_ == paces_->breaks_at && ++paces_->runs_at_break > paces_->breaks_after) {
      throw Error(ErrorCode::backend_failed, Stage::backend, "the device is gone");
    }
    const std::vector<float> row = paces_->logits_at.contains(precision_) ? paces_->logits_at.at(precision_)
                                                                          : std::vector<float>{0.5F, 1.5F, -1.0F};
    for (std::uint32_t i = 0; i < input.batch; ++i) {
      std::copy(row.begin(), row.end(), output.logits + std::size_t{i} * output.outputs);
    }
    const Pace pace = paces_->of[{precision_, threads_}];
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(pace.batch + pace.picture * input.batch));
  }
  [[nodiscard]] std::string device() const override { return "stage"; }
  [[nodiscard]] std::string precision() const override { return precision_; }

 private:
  std::shared_ptr<Paces> paces_;
  std::string precision_;
  int threads_;
};

class PacedBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "paced"; }
  [[nodiscard]] BackendInfo probe(const std::filesystem::path& /*libtorch*/) const override {
    BackendInfo info;
    info.name = "paced";
    info.version = "1.2.3";
    info.available = true;
    info.devices = {{"broken", false, "it has no power", {}}, {"stage", true, "a test's", paces->precisions}};
    return info;
  }
  std::unique_ptr<Session> open(const OpenRequest& request) override {
    if (std::ranges::find(paces->precisions, request.precision) == paces->precisions.end()) {
      throw Error(ErrorCode::precision_unsupported, Stage::backend, "the stage has no " + request.precision);
    }
    return std::make_unique<PacedSession>(paces, request.precision, request.threads);
  }

  std::shared_ptr<Paces> paces = std::make_shared<Paces>();  ///< changed by tests between their runs only
};

/// Registers the backend "paced" once per process and returns its paces, fresh each time.
inline std::shared_ptr<Paces> paced_backend() {
  static const auto backend = [] {
    auto made = std::make_shared<PacedBackend>();
    register_backend(made);
    return made;
  }();
  backend->paces = std::make_shared<Paces>();
  return backend->paces;
}

}  // namespace mediscan::test
