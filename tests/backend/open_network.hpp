// A network opened by a built-in backend from tensors in memory, without a bundle folder.
#pragma once

#include <mediscan/backend.hpp>
#include <memory>
#include <string>
#include <vector>

#include "backend/builtin.hpp"
#include "libtorch_place.hpp"
#include "reference_network.hpp"

namespace mediscan::test {

struct NetworkRequest {
  Architecture architecture;
  std::uint32_t height = 64;
  std::uint32_t width = 64;
  std::string device = "cpu";
  std::string precision = "fp32";
  std::string format = "safetensors";
  int threads = 2;
  int max_batch = 4;
  std::string backend = "torch";  // or "onednn"
};

inline std::shared_ptr<Backend> backend_called(const std::string& name) {
  return name == "onednn" ? backend::make_onednn_backend() : backend::make_torch_backend();
}

inline std::unique_ptr<Session> open_network(const NetworkRequest& request, const std::string& file) {
  Bundle bundle;
  bundle.architecture = request.architecture;
  bundle.input.crop = CropStep{request.height, request.width};
  const WeightsView view{"model.safetensors", request.format, "", std::as_bytes(std::span(file))};
  return backend_called(request.backend)
      ->open({bundle,
              {&view, 1},
              request.device,
              request.precision,
              request.threads,
              request.max_batch,
              libtorch_place()});
}

/// The smallest ResNet: one basic block a stage, four channels wide.
inline Architecture tiny_resnet() {
  Architecture architecture;
  architecture.name = "resnet";
  architecture.in_channels = 3;
  architecture.outputs = 5;
  architecture.block = "basic";
  architecture.layers = {1, 1, 1, 1};
  architecture.width = 4;
  return architecture;
}

/// A small DenseNet: three blocks, on grey pictures.
inline Architecture tiny_densenet() {
  Architecture architecture;
  architecture.name = "densenet";
  architecture.in_channels = 1;
  architecture.outputs = 18;
  architecture.layers = {2, 3, 2};
  architecture.growth_rate = 4;
  architecture.init_features = 8;
  architecture.bn_size = 2;
  return architecture;
}

/// The tensors of an architecture, drawn.
inline std::vector<RawTensor> tensors_of(const Architecture& architecture, unsigned seed = 1) {
  Parameters parameters(seed);
  const auto side = std::int64_t{32};
  const Volume picture{architecture.in_channels, side, side, std::vector<double>(architecture.in_channels * 1024U)};
  if (const auto config = backend::ResNetConfig::from(architecture)) (void)run_resnet(parameters, *config, picture);
  if (const auto config = backend::DenseNetConfig::from(architecture)) (void)run_densenet(parameters, *config, picture);
  return parameters.tensors();
}

}  // namespace mediscan::test
