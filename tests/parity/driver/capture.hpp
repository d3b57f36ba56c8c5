// A backend that keeps the tensor it was given last and answers 0 for every output: so the tensor that the whole line
// makes of encoded bytes can be compared with another's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <mediscan/backend.hpp>

/// What capture sessions share with whoever asks for the tensor.
class Captured {
 public:
  void keep(const mediscan::BatchInput& input) {
    const std::scoped_lock lock(mutex_);
    values_.assign(input.data, input.data + std::size_t{input.channels} * input.height * input.width);
  }
  [[nodiscard]] std::vector<float> values() const {
    const std::scoped_lock lock(mutex_);
    return values_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<float> values_;
};

class CaptureSession final : public mediscan::Session {
 public:
  explicit CaptureSession(std::shared_ptr<Captured> captured) : captured_(std::move(captured)) {}

  void run(const mediscan::BatchInput& input, const mediscan::BatchOutput& output,
           const std::atomic<bool>& /*cancelled*/) override {
    captured_->keep(input);
    std::fill_n(output.logits, std::size_t{output.batch} * output.outputs, 0.0F);
  }
  [[nodiscard]] std::string device() const override { return "cpu"; }
  [[nodiscard]] std::string precision() const override { return "fp32"; }

 private:
  std::shared_ptr<Captured> captured_;
};

class CaptureBackend final : public mediscan::Backend {
 public:
  explicit CaptureBackend(std::shared_ptr<Captured> captured) : captured_(std::move(captured)) {}

  [[nodiscard]] std::string name() const override { return "capture"; }
  [[nodiscard]] bool needs_weights() const override { return false; }
  [[nodiscard]] mediscan::BackendInfo probe(const std::filesystem::path& /*libtorch*/) const override {
    mediscan::BackendInfo info;
    info.name = name();
    info.version = "1";
    info.available = true;
    info.devices = {{"cpu", true, "keeps tensors", {"fp32"}}};
    return info;
  }
  std::unique_ptr<mediscan::Session> open(const mediscan::OpenRequest& /*request*/) override {
    return std::make_unique<CaptureSession>(captured_);
  }

 private:
  std::shared_ptr<Captured> captured_;
};
