// A backend that does what a test tells it: constant logits, failures, exceptions, NaN, delays. It claims architecture
// "scripted".
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mediscan/backend.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace mediscan::test {

/// What the sessions do; shared by the backend and its sessions, so that a test can change it in flight.
struct Script {
  std::vector<float> logits = {0.5F, 1.5F, -1.0F};      ///< every picture's, when `run` is not set
  std::vector<std::string> precisions = {"fp32"};       ///< what the device lists and open() accepts, best first
  std::map<std::string, std::vector<float>> logits_at;  ///< those of a precision that answers otherwise
  std::function<void(const OpenRequest&)> open;         ///< called by open(); may throw
  std::function<void(const BatchInput&, const BatchOutput&)> run;
  /// The same, for scripts that listen to being told to stop. Goes before `run`.
  std::function<void(const BatchInput&, const BatchOutput&, const std::atomic<bool>&)> run_until;
  std::uint64_t memory_bytes = 0;  ///< what sessions say they hold
  std::string remark;              ///< what sessions say of how they compute
  bool takes_samples = false;      ///< what sessions say of the form of their input
  std::atomic<int> opened{0};
  std::atomic<int> closed{0};
  std::atomic<int> runs{0};
  std::mutex mutex;                    ///< guards `batches` between sessions
  std::vector<std::uint32_t> batches;  ///< sizes run, in order; read it when nothing runs

  /// Writes the logits of the precision for every picture, as a session without a script does.
  void answer(const BatchOutput& output, const std::string& precision = "fp32") const;
};

/// Registers a backend of this name once per process and returns its script, fresh from defaults each time.
std::shared_ptr<Script> scripted_backend(const std::string& name);

}  // namespace mediscan::test
