// The door by which src/quantization gets a network of this backend.
#include <fmt/format.h>

#include <utility>

#include "backend/builtin.hpp"
#include "backend/torch/device.hpp"
#include "backend/torch/network.hpp"
#include "backend/torch/quantizable_resnet.hpp"
#include "backend/torch/thread_scope.hpp"
#include "backend/torch/weights.hpp"

namespace mediscan::backend {
namespace torch {
namespace {

class TorchQuantizable final : public Quantizable {
 public:
  TorchQuantizable(QuantizableResNet network, Target target, const OpenRequest& request)
      : network_(std::move(network)), target_(std::move(target)), threads_(request.threads) {
    const auto [height, width] = request.bundle.input_size();
    const ThreadScope scope(threads_);
    network_.pack(target_, {height, width});
  }

  [[nodiscard]] const std::vector<std::string>& layers() const override { return network_.layers(); }

  void run(const BatchInput& input, const BatchOutput& output, const Watch& watch) override {
    const ThreadScope scope(threads_);
    network_.run(channels_last(input, target_), output.logits, watch);
  }

  [[nodiscard]] std::vector<bundle::StoredTensor> quantized(std::span<const ByteScale> scales) const override {
    return network_.quantized(scales);
  }

 private:
  QuantizableResNet network_;
  Target target_;
  int threads_;
};

}  // namespace
}  // namespace torch

std::unique_ptr<Quantizable> open_torch_quantizable(const OpenRequest& request) {
  const auto config = torch::ResNetConfig::from(request.bundle.architecture);
  if (!config) {
    throw Error(ErrorCode::unsupported, Stage::backend,
                fmt::format("architecture \"{}\" cannot be quantised", request.bundle.architecture.name),
                "the torch backend has int8 for ResNets: resnet18, resnet34, resnet50, resnet101, resnet152, resnet");
  }
  torch::Target target =
      torch::open_target({request.bundle, request.weights, "cpu", "fp32", request.threads, 1, request.libtorch});
  torch::Weights weights(request.weights);
  if (weights.quantized()) {
    throw Error(ErrorCode::unsupported, Stage::backend, "the weights of this bundle are quantised already",
                "quantise the float32 bundle that it was made from");
  }
  torch::QuantizableResNet network(weights, *config);
  weights.check();
  return std::make_unique<torch::TorchQuantizable>(std::move(network), std::move(target), request);
}

}  // namespace mediscan::backend
