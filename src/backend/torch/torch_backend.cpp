// The torch backend: LibTorch at run time behind the Backend interface. Finding LibTorch, reading weights and the
// networks themselves are in their own files; this one wires them together and checks what callers hand in.

#include <utility>
#include <variant>

#include "backend/batch_limits.hpp"
#include "backend/builtin.hpp"
#include "backend/network/fitting.hpp"
#include "backend/network/weights.hpp"
#include "backend/torch/cuda/session.hpp"
#include "backend/torch/densenet.hpp"
#include "backend/torch/device.hpp"
#include "backend/torch/libtorch.hpp"
#include "backend/torch/network.hpp"
#include "backend/torch/quantized_densenet.hpp"
#include "backend/torch/quantized_resnet.hpp"
#include "backend/torch/resnet.hpp"
#include "backend/torch/thread_scope.hpp"

namespace mediscan::backend {
namespace torch {
namespace {

using Network = std::variant<ResNet, DenseNet, QuantizedResNet, QuantizedDenseNet>;

/// The network of a bundle with its weights taken, every fault of them checked.
Network build(const Architecture& architecture, Weights& weights, Precision precision) {
  const auto checked = [&](auto network) {
    weights.check();
    return Network(std::move(network));
  };
  if (architecture.in_channels == 0 || architecture.outputs == 0) {
    throw Error(ErrorCode::bundle_invalid, Stage::backend, "architecture: in_channels and outputs must be at least 1");
  }
  if (const auto config = ResNetConfig::from(architecture)) {
    require_fitting(weights, precision);
    if (precision == Precision::int8) return checked(QuantizedResNet(weights, *config));
    return checked(ResNet(weights, *config));
  }
  if (const auto config = DenseNetConfig::from(architecture)) {
    require_fitting(weights, precision);
    if (precision == Precision::int8) return checked(QuantizedDenseNet(weights, *config));
    return checked(DenseNet(weights, *config));
  }
  refuse_architecture(architecture.name);
}

class TorchSession final : public Session {
 public:
  TorchSession(const OpenRequest& request, Target target)
      : target_(std::move(target)),
        threads_(request.threads),
        network_([&] {
          Weights weights(request.weights);
          return build(request.bundle.architecture, weights, target_.precision);
        }()),
        limits_{static_cast<std::uint32_t>(request.max_batch), request.bundle.architecture.in_channels,
                request.bundle.architecture.outputs,
                std::visit([](const auto& network) { return std::int64_t{network.minimum_side()}; }, network_)} {
    const auto size = request.bundle.input_size();  // height, width
    const ThreadScope scope(threads_);
    for (std::int64_t batch = 2; batch <= std::int64_t{limits_.max_batch}; batch *= 2) target_.batches.push_back(batch);
    std::visit([&](auto& network) { network.pack(target_, {size.first, size.second}); }, network_);
  }

  void run(const BatchInput& input, const BatchOutput& output, const std::atomic<bool>& cancelled) override {
    limits_.require(input, output);
    stop_if(cancelled);
    const ThreadScope scope(threads_);
    const Tensor pictures = channels_last(input, target_);
    std::visit([&](auto& network) { network.run(pictures, output.logits, cancelled); }, network_);
  }

  [[nodiscard]] std::string device() const override { return target_.device; }
  [[nodiscard]] std::string precision() const override { return std::string(name_of(target_.precision)); }

 private:
  Target target_;
  int threads_;
  Network network_;
  BatchLimits limits_;
};

class TorchBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "torch"; }

  [[nodiscard]] BackendInfo probe(const std::filesystem::path& named) const override {
    return backend_info(
        name(), [&] { return find_libtorch(named); },
        [](const RuntimeReport& report) { return find_devices(report.library); });
  }

  std::unique_ptr<Session> open(const OpenRequest& request) override {
    require_numbers(request);
    Target target = open_target(request);
    if (target.device != "cpu")
      return std::make_unique<CudaSession>(request, cuda_target(target.device, target.precision));
    return std::make_unique<TorchSession>(request, std::move(target));
  }
};

}  // namespace
}  // namespace torch

std::shared_ptr<Backend> make_torch_backend() { return std::make_shared<torch::TorchBackend>(); }

}  // namespace mediscan::backend
