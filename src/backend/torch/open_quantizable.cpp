// The door by which src/quantization gets a network of this backend.
#include <fmt/format.h>

#include <utility>
#include <variant>

#include "backend/builtin.hpp"
#include "backend/network/weights.hpp"
#include "backend/torch/device.hpp"
#include "backend/torch/network.hpp"
#include "backend/torch/quantizable_densenet.hpp"
#include "backend/torch/quantizable_resnet.hpp"
#include "backend/torch/thread_scope.hpp"

namespace mediscan::backend {
namespace torch {
namespace {

using Network = std::variant<QuantizableResNet, QuantizableDenseNet>;

void require_quantizable(const Architecture& architecture) {
  if (ResNetConfig::from(architecture) || DenseNetConfig::from(architecture)) return;
  throw Error(
      ErrorCode::unsupported, Stage::backend, fmt::format("architecture \"{}\" cannot be quantised", architecture.name),
      "the torch backend has int8 for ResNets and DenseNets: resnet18, resnet34, resnet50, resnet101, resnet152, "
      "resnet, densenet121, densenet161, densenet169, densenet201, densenet");
}

/// Of an architecture that require_quantizable lets pass.
Network build(const Architecture& architecture, Weights& weights) {
  if (const auto config = ResNetConfig::from(architecture)) return QuantizableResNet(weights, *config);
  return QuantizableDenseNet(weights, DenseNetConfig::from(architecture).value());
}

class TorchQuantizable final : public Quantizable {
 public:
  TorchQuantizable(Network network, Target target, const OpenRequest& request)
      : network_(std::move(network)), target_(std::move(target)), threads_(request.threads) {
    const auto size = request.bundle.input_size();  // height, width
    const ThreadScope scope(threads_);
    std::visit([&](auto& each) { each.pack(target_, {size.first, size.second}); }, network_);
  }

  [[nodiscard]] const std::vector<std::string>& layers() const override {
    return std::visit(
        [](const auto& each) -> const auto& { return each.layers(); }, network_);
  }

  [[nodiscard]] const std::vector<Unit>& units() const override {
    return std::visit(
        [](const auto& each) -> const auto& { return each.units(); }, network_);
  }

  void run(const BatchInput& input, const BatchOutput& output, const Watch& watch) override {
    const ThreadScope scope(threads_);
    const Tensor pictures = channels_last(input, target_);
    std::visit([&](auto& each) { each.run(pictures, output.logits, watch); }, network_);
  }

  [[nodiscard]] std::vector<bundle::StoredTensor> quantized(std::span<const ByteScale> scales,
                                                            const std::vector<bool>& kept) const override {
    return std::visit([&](const auto& each) { return each.quantized(scales, kept); }, network_);
  }

 private:
  Network network_;
  Target target_;
  int threads_;
};

}  // namespace
}  // namespace torch

std::unique_ptr<Quantizable> open_torch_quantizable(const OpenRequest& request) {
  torch::require_quantizable(request.bundle.architecture);
  torch::Target target =
      torch::open_target({request.bundle, request.weights, "cpu", "fp32", request.threads, 1, request.libtorch});
  Weights weights(request.weights);
  if (weights.quantized()) {
    throw Error(ErrorCode::unsupported, Stage::backend, "the weights of this bundle are quantised already",
                "quantise the float32 bundle that it was made from");
  }
  torch::Network network = torch::build(request.bundle.architecture, weights);
  weights.check();
  return std::make_unique<torch::TorchQuantizable>(std::move(network), std::move(target), request);
}

}  // namespace mediscan::backend
