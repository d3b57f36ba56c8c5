// The backend that computes nothing: scores drawn from the picture's own hash, the same on every machine, marked
// simulated everywhere. For tests, demonstrations without LibTorch, and hosts under development. Never chosen by
// `auto`.
#include <fmt/format.h>

#include <algorithm>

#include "backend/builtin.hpp"
#include "base/hash.hpp"

namespace mediscan::backend {
namespace {

/// splitmix64 (Steele, Lea, Flood 2014): a well-mixed stream from any seed.
std::uint64_t next(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

/// Logits uniform in [-4, 4), from the first 64 bits of the tensor's SHA-256.
void draw_logits(std::span<const float> picture, std::span<float> logits) {
  const std::string hash = base::sha256_hex(std::as_bytes(picture));
  std::uint64_t state = std::stoull(hash.substr(0, 16), nullptr, 16);
  for (float& logit : logits) {
    const auto unit = static_cast<double>(next(state) >> 11U) * 0x1.0p-53;
    logit = static_cast<float>(unit * 8.0 - 4.0);
  }
}

class MockSession final : public Session {
 public:
  MockSession(const Architecture& architecture, int max_batch)
      : in_channels_(architecture.in_channels),
        outputs_(architecture.outputs),
        max_batch_(static_cast<std::uint32_t>(max_batch)) {}

  void run(const BatchInput& input, const BatchOutput& output, const std::atomic<bool>& cancelled) override {
    check(input, output);
    const std::size_t picture = std::size_t{input.channels} * input.height * input.width;
    for (std::uint32_t i = 0; i < input.batch; ++i) {
      if (cancelled) throw Error(ErrorCode::cancelled, Stage::backend, "the batch was cancelled while it ran");
      draw_logits({input.data + i * picture, picture}, {output.logits + std::size_t{i} * outputs_, outputs_});
    }
  }

  [[nodiscard]] std::string device() const override { return "cpu"; }
  [[nodiscard]] std::string precision() const override { return "fp32"; }

 private:
  void check(const BatchInput& input, const BatchOutput& output) const {
    const bool fits = input.data != nullptr && output.logits != nullptr && input.batch > 0 &&
                      input.batch <= max_batch_ && input.batch == output.batch && input.channels == in_channels_ &&
                      output.outputs == outputs_ && input.height > 0 && input.width > 0;
    if (fits) return;
    throw Error(
        ErrorCode::invalid_argument, Stage::backend,
        fmt::format("a batch of {} x {} x {} x {} for {} x {} logits does not fit a session of {} channels, {} outputs "
                    "and at most {} pictures",
                    input.batch, input.channels, input.height, input.width, output.batch, output.outputs, in_channels_,
                    outputs_, max_batch_));
  }

  std::uint32_t in_channels_;
  std::uint32_t outputs_;
  std::uint32_t max_batch_;
};

class MockBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "mock"; }
  [[nodiscard]] bool simulated() const override { return true; }
  [[nodiscard]] bool needs_weights() const override { return false; }

  [[nodiscard]] BackendInfo probe(const std::filesystem::path& /*libtorch*/) const override {
    BackendInfo info;
    info.name = name();
    info.version = MEDISCAN_VERSION;
    info.available = true;
    info.simulated = true;
    info.devices = {{"cpu", true, "scores drawn from the picture's hash", {"fp32"}}};
    return info;
  }

  std::unique_ptr<Session> open(const OpenRequest& request) override {
    if (request.device != "auto" && request.device != "cpu") {
      throw Error(ErrorCode::backend_unavailable, Stage::backend,
                  fmt::format("mock has no device \"{}\"", request.device), "use device \"cpu\" or \"auto\"");
    }
    if (request.precision != "fp32") {
      throw Error(ErrorCode::precision_unsupported, Stage::backend,
                  fmt::format("mock does not offer precision \"{}\"; it offers fp32", request.precision),
                  "use precision \"fp32\"");
    }
    return std::make_unique<MockSession>(request.bundle.architecture, request.max_batch);
  }
};

}  // namespace

std::shared_ptr<Backend> make_mock_backend() { return std::make_shared<MockBackend>(); }

}  // namespace mediscan::backend
