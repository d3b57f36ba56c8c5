// The networks by LibTorch's own operators, computed on the CPU, against a plain double-precision forward and against
// the oneDNN networks. That is the device-neutral part of CUDA.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "backend/torch/eager.hpp"
#include "backend/torch/network.hpp"
#include "backend/torch/thread_scope.hpp"
#include "errors.hpp"
#include "needs_libtorch.hpp"
#include "open_network.hpp"

namespace mediscan::backend::torch {
namespace {

constexpr double tolerance = 1e-4;  // what the project promises for fp32 logits
const std::atomic<bool> not_cancelled{false};

EagerPlace on_cpu(Precision precision = Precision::fp32) {
  EagerPlace place;
  place.device_type = libtorch().aoti_torch_device_type_cpu();
  place.precision = precision;
  place.add = reinterpret_cast<EagerPlace::Add>(
      ::dlsym(::dlopen(find_libtorch({}).library.c_str(), RTLD_NOW | RTLD_NOLOAD), "aoti_torch_cpu_add_Tensor"));
  return place;
}

struct Case {
  Architecture architecture;
  std::int64_t height = 64;
  std::int64_t width = 64;
};

/// Small networks of every kind, on sizes that do not halve evenly too.
std::vector<Case> cases() {
  Architecture basic = test::tiny_resnet();
  basic.layers = {1, 2, 1, 1};
  Architecture bottleneck = test::tiny_resnet();
  bottleneck.block = "bottleneck";
  bottleneck.in_channels = 1;
  Architecture dense;
  dense.name = "densenet";
  dense.in_channels = 1;
  dense.outputs = 18;
  dense.layers = {2, 3, 2};
  dense.growth_rate = 4;
  dense.init_features = 8;
  dense.bn_size = 2;
  return {{basic, 65, 97}, {bottleneck, 64, 64}, {dense, 70, 101}};
}

std::vector<float> pictures(const Case& each, std::int64_t batch) {
  std::vector<float> values(static_cast<std::size_t>(batch * each.architecture.in_channels * each.height * each.width));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(i % 9973)) +
                                   0.3 * std::cos(0.011 * static_cast<double>(i)));
  }
  return values;
}

struct Logits {
  std::vector<double> eager;
  std::vector<double> reference;
  std::vector<float> onednn;
};

double largest_difference(const std::vector<double>& a, const auto& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - double{b[i]});
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  return largest;
}

Logits logits_of(const Case& each, std::int64_t batch, Precision precision = Precision::fp32) {
  auto values = pictures(each, batch);
  const auto& architecture = each.architecture;
  Logits logits;
  test::Parameters parameters(7);
  const std::size_t size = values.size() / static_cast<std::size_t>(batch);
  for (std::int64_t i = 0; i < batch; ++i) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * size);
    const test::Volume picture{architecture.in_channels, each.height, each.width,
                               std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(size))};
    const auto resnet = ResNetConfig::from(architecture);
    const auto row = resnet ? test::run_resnet(parameters, *resnet, picture)
                            : test::run_densenet(parameters, *DenseNetConfig::from(architecture), picture);
    logits.reference.insert(logits.reference.end(), row.begin(), row.end());
  }
  const std::string file = test::safetensors(parameters.tensors());

  const WeightsView view{"model.safetensors", "safetensors", "", std::as_bytes(std::span(file))};
  Weights weights({&view, 1});
  const auto network = make_eager_network(architecture, weights);
  REQUIRE(network);
  weights.check();
  const EagerPlace place = on_cpu(precision);
  const ThreadScope scope(2);
  network->place(place);
  const std::array<std::int64_t, 4> sizes{batch, architecture.in_channels, each.height, each.width};
  const Tensor input = place.empty_pictures(sizes);
  call("aten::copy_", "", input, Tensor::view(values.data(), sizes), false);
  const Tensor result = network->run(place, input);
  REQUIRE(result.sizes().size() == 2);
  CHECK(result.sizes()[0] == batch);
  CHECK(result.sizes()[1] == architecture.outputs);
  logits.eager.assign(result.data(), result.data() + logits.reference.size());

  test::NetworkRequest request{architecture, static_cast<std::uint32_t>(each.height),
                               static_cast<std::uint32_t>(each.width)};
  request.device = "cpu";
  logits.onednn.resize(logits.reference.size());
  test::open_network(request, file)
      ->run({values.data(), static_cast<std::uint32_t>(batch), architecture.in_channels, request.height, request.width,
             Layout::nchw},
            {logits.onednn.data(), static_cast<std::uint32_t>(batch), architecture.outputs}, not_cancelled);
  return logits;
}

TEST_CASE("eager networks give the logits of the paper's arithmetic and of the oneDNN networks") {
  if (!test::has_libtorch()) return;
  for (const Case& each : cases()) {
    for (const std::int64_t batch : {1, 3}) {
      CAPTURE(each.architecture.name);
      CAPTURE(batch);
      const Logits logits = logits_of(each, batch);
      CHECK(largest_difference(logits.eager, logits.reference) < tolerance);
      CHECK(largest_difference(logits.eager, logits.onednn) < tolerance);
    }
  }
}

// Ten bits of fraction: each of some ten layers adds a relative error of up to 2^-11.
TEST_CASE("eager networks in fp16 give the same logits within what eleven bits leave of them") {
  if (!test::has_libtorch()) return;
  for (const Case& each : cases()) {
    CAPTURE(each.architecture.name);
    const Logits logits = logits_of(each, 2, Precision::fp16);
    double size = 0;
    for (const double logit : logits.reference) size = std::max(size, std::abs(logit));
    const double difference = largest_difference(logits.eager, logits.reference);
    CHECK(difference < 0.01 * size);
    CHECK(difference > 1e-6);  // or it was not fp16
  }
}

TEST_CASE("the largest intermediate result of a network is known before it runs") {
  Weights weights({});
  Architecture resnet50;
  resnet50.name = "resnet50";
  resnet50.outputs = 7;
  resnet50.in_channels = 3;
  // The stem's 64 x 112 x 112 and the first stage's 256 x 56 x 56 are alike.
  CHECK(make_eager_network(resnet50, weights)->largest_activation({224, 224}) == 64 * 112 * 112);
  Architecture dense;
  dense.name = "densenet121";
  dense.outputs = 18;
  dense.in_channels = 1;
  // 64 + 6 x 32 = 256 features of 56 x 56 at the end of the first block.
  CHECK(make_eager_network(dense, weights)->largest_activation({224, 224}) == 256 * 56 * 56);
  CHECK(make_eager_network(dense, weights)->minimum_side() == 29);
  Architecture other;
  other.name = "vgg16";
  CHECK_FALSE(make_eager_network(other, weights));
}

TEST_CASE("an eager network counts the weights that torchvision's has") {
  Weights weights({});
  Architecture resnet50;
  resnet50.name = "resnet50";
  resnet50.outputs = 1000;
  resnet50.in_channels = 3;
  // torchvision's ResNet-50 has 25,557,032 parameters, of which its 53 batch-norms have 2 x 26,560; folded, each
  // convolution has one bias a channel instead.
  CHECK(make_eager_network(resnet50, weights)->weight_count() == 25557032 - 26560);
}

}  // namespace
}  // namespace mediscan::backend::torch
