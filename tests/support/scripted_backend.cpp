#include "scripted_backend.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace mediscan::test {
namespace {

class ScriptedSession final : public Session {
 public:
  ScriptedSession(std::shared_ptr<Script> script, std::string precision)
      : script_(std::move(script)), precision_(std::move(precision)) {
    ++script_->opened;
  }
  ~ScriptedSession() override { ++script_->closed; }
  ScriptedSession(const ScriptedSession&) = delete;
  ScriptedSession& operator=(const ScriptedSession&) = delete;

  void run(const BatchInput& input, const BatchOutput& output, const std::atomic<bool>& cancelled) override {
    ++script_->runs;
    {
      const std::scoped_lock lock(script_->mutex);
      script_->batches.push_back(input.batch);
    }
    if (script_->run_until) return script_->run_until(input, output, cancelled);
    if (script_->run) return script_->run(input, output);
    script_->answer(output, precision_);
  }
  [[nodiscard]] std::uint64_t memory_bytes() const override { return script_->memory_bytes; }
  [[nodiscard]] std::string remark() const override { return script_->remark; }
  [[nodiscard]] bool takes_samples() const override { return script_->takes_samples; }
  [[nodiscard]] std::string device() const override { return "stage"; }
  [[nodiscard]] std::string precision() const override { return precision_; }

 private:
  std::shared_ptr<Script> script_;
  std::string precision_;
};

class ScriptedBackend final : public Backend {
 public:
  explicit ScriptedBackend(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] BackendInfo probe(const std::filesystem::path& /*libtorch*/) const override {
    BackendInfo info;
    info.name = name_;
    info.version = "7.8.9";
    info.available = true;
    info.devices = {{"stage", true, "a test's", current()->precisions}};
    return info;
  }
  std::unique_ptr<Session> open(const OpenRequest& request) override {
    const auto script = current();
    if (script->open) script->open(request);
    if (request.bundle.architecture.name != "scripted") {
      throw Error(ErrorCode::unsupported, Stage::backend, name_ + " opens no " + request.bundle.architecture.name);
    }
    if (std::ranges::find(script->precisions, request.precision) == script->precisions.end()) {
      throw Error(ErrorCode::precision_unsupported, Stage::backend, name_ + " has no " + request.precision);
    }
    return std::make_unique<ScriptedSession>(script, request.precision);
  }

  std::shared_ptr<Script> renew() {
    const std::scoped_lock lock(mutex_);
    script_ = std::make_shared<Script>();
    return script_;
  }

 private:
  [[nodiscard]] std::shared_ptr<Script> current() const {
    const std::scoped_lock lock(mutex_);
    return script_;
  }

  std::string name_;
  mutable std::mutex mutex_;
  std::shared_ptr<Script> script_ = std::make_shared<Script>();
};

}  // namespace

void Script::answer(const BatchOutput& output, const std::string& precision) const {
  const auto own = logits_at.find(precision);
  const std::vector<float>& row_of = own == logits_at.end() ? logits : own->second;
  for (std::uint32_t row = 0; row < output.batch; ++row) {
    std::copy(row_of.begin(), row_of.end(), output.logits + std::size_t{row} * output.outputs);
  }
}

std::shared_ptr<Script> scripted_backend(const std::string& name) {
  static std::map<std::string, std::shared_ptr<ScriptedBackend>> known;
  auto& backend = known[name];
  if (!backend) {
    backend = std::make_shared<ScriptedBackend>(name);
    register_backend(backend);
  }
  return backend->renew();
}

}  // namespace mediscan::test
