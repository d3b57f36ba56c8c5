// What only a GPU can say. Without one each case is skipped with the reason; on a machine with one `ctest` runs them
// all.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "backend/torch/cuda/devices.hpp"
#include "backend/torch/cuda/session.hpp"
#include "errors.hpp"
#include "needs_libtorch.hpp"
#include "open_network.hpp"
#include "preprocess/normalize.hpp"

namespace mediscan::backend::torch {
namespace {

const std::atomic<bool> not_cancelled{false};

bool has_gpu() {
  if (!test::has_libtorch()) return false;
  for (const DeviceInfo& device : find_cuda_devices(find_libtorch(test::libtorch_place()).library)) {
    if (device.usable) return true;
    std::printf("MEDISCAN_SKIP: no CUDA device here: %s: %s\n", device.name.c_str(), device.detail.c_str());
  }
  return false;
}

/// A ResNet-18 and a small DenseNet with drawn weights, 96 x 96 pictures.
struct Network {
  explicit Network(const char* name) {
    request.architecture.name = name;
    request.architecture.in_channels = 3;
    request.architecture.outputs = 7;
    if (std::string_view(name) == "densenet") {
      request.architecture.layers = {3, 4, 4, 3};
      request.architecture.growth_rate = 16;
      request.architecture.init_features = 32;
    }
    request.height = request.width = 96;
    request.max_batch = 8;
    request.device = "cuda:0";
    file = test::safetensors(test::tensors_of(request.architecture));
  }

  [[nodiscard]] std::unique_ptr<Session> open(const std::string& device, const std::string& precision) const {
    test::NetworkRequest wanted = request;
    wanted.device = device;
    wanted.precision = precision;
    return test::open_network(wanted, file);
  }
  /// Without graphs, for whatever reason is given.
  [[nodiscard]] std::unique_ptr<Session> open_without_graphs(const std::string& why) const {
    Bundle bundle;
    bundle.architecture = request.architecture;
    bundle.input.crop = CropStep{request.height, request.width};
    const WeightsView view{"model.safetensors", "safetensors", "", std::as_bytes(std::span(file))};
    CudaTarget target = cuda_target("cuda:0", Precision::fp32);
    target.no_graphs = why;
    return std::make_unique<CudaSession>(
        OpenRequest{bundle, {&view, 1}, "cuda:0", "fp32", 1, request.max_batch, test::libtorch_place()}, target);
  }
  [[nodiscard]] std::vector<float> pictures(std::uint32_t batch) const {
    std::vector<float> values(std::size_t{batch} * 3 * request.height * request.width);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(0.37F * static_cast<float>(i % 9973));
    return values;
  }
  std::vector<float> run(Session& session, const std::vector<float>& values, std::uint32_t batch) const {
    std::vector<float> logits(std::size_t{batch} * 7, std::nanf(""));
    session.run({values.data(), batch, 3, request.height, request.width, Layout::nchw}, {logits.data(), batch, 7},
                not_cancelled);
    return logits;
  }

  test::NetworkRequest request;
  std::string file;
};

double largest(const std::vector<float>& values) {
  double size = 0;
  for (const float value : values) size = std::isnan(value) ? INFINITY : std::max(size, std::abs(double{value}));
  return size;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  std::vector<float> differences(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) differences[i] = a[i] - b[i];
  return largest(differences);
}

TEST_CASE("GPU: samples give the very logits of the tensor that the recipe makes of them") {
  if (!has_gpu()) return;
  const Network network("resnet18");
  for (const char* precision : {"fp32", "fp16"}) {
    CAPTURE(precision);
    const auto session = network.open("cuda:0", precision);
    REQUIRE(session->takes_samples());
    const std::size_t picture = std::size_t{3} * network.request.height * network.request.width;
    std::vector<std::uint8_t> samples(8 * picture);
    for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::uint8_t>(i * i % 251 + i % 5);
    std::vector<float> values(samples.size());
    for (std::size_t at = 0; at < samples.size(); at += picture) {
      recipe::normalize_samples({}, std::span(samples).subspan(at, picture), network.request.height,
                                network.request.width, std::span(values).subspan(at, picture));
    }
    for (const std::uint32_t batch : {1U, 3U, 8U}) {
      CAPTURE(batch);
      std::vector<float> logits(std::size_t{batch} * 7, std::nanf(""));
      session->run({nullptr, batch, 3, network.request.height, network.request.width, Layout::nchw, samples.data()},
                   {logits.data(), batch, 7}, not_cancelled);
      CHECK(logits == network.run(*session, values, batch));
    }
  }
}

std::size_t free_memory() {
  const CudaFunctions& cuda = *cuda_functions();
  const CudaStream stream(cuda, 0);
  const StreamScope scope(cuda, stream.handle(), 0);
  std::size_t free = 0;
  std::size_t total = 0;
  check_cuda(cuda, cuda.cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return free;
}

constexpr std::array networks{"resnet18", "densenet"};

TEST_CASE("GPU: float32 logits are the CPU's, in every batch size, by graph") {
  if (!has_gpu()) return;
  for (const char* name : networks) {
    CAPTURE(name);
    const Network network(name);
    const auto session = network.open("cuda:0", "fp32");
    CHECK(session->device() == "cuda:0");
    const auto cpu = network.open("cpu", "fp32");
    const auto values = network.pictures(8);
    for (std::uint32_t batch = 1; batch <= 8; ++batch) {
      CAPTURE(batch);
      const auto expected = network.run(*cpu, values, batch);
      CHECK(largest_difference(network.run(*session, values, batch), expected) <
            1e-4 * std::max(1.0, largest(expected)));
    }
    CHECK_MESSAGE(session->remark().empty(), session->remark());
    CHECK(dynamic_cast<CudaSession&>(*session).graphs() == 4);
  }
}

TEST_CASE("GPU: fp16 logits are within what eleven bits leave of them, and are not float32's") {
  if (!has_gpu()) return;
  for (const char* name : networks) {
    CAPTURE(name);
    const Network network(name);
    const auto values = network.pictures(8);
    const auto expected = network.run(*network.open("cpu", "fp32"), values, 8);
    const auto session = network.open("cuda:0", "fp16");
    CHECK(session->precision() == "fp16");
    const double difference = largest_difference(network.run(*session, values, 8), expected);
    CHECK(difference < 0.02 * largest(expected));
    CHECK(difference > 1e-6);
    CHECK_MESSAGE(session->remark().empty(), session->remark());
  }
}

TEST_CASE("GPU: with and without graphs the logits are the same") {
  if (!has_gpu()) return;
  const Network network("resnet18");
  const auto values = network.pictures(8);
  const auto session = network.open("cuda:0", "fp32");
  const auto plain = network.open_without_graphs("this test");
  for (const std::uint32_t batch : {1U, 3U, 8U}) {
    CHECK(largest_difference(network.run(*session, values, batch), network.run(*plain, values, batch)) < 1e-5);
  }
  CHECK(plain->remark() == "batches run without CUDA graphs: this test");
}

TEST_CASE("GPU: a picture's logits do not depend on what fills up its bucket or came before") {
  if (!has_gpu()) return;
  const Network network("resnet18");
  const auto session = network.open("cuda:0", "fp16");
  auto values = network.pictures(3);
  const auto alone = network.run(*session, values, 3);
  (void)network.run(*session, std::vector<float>(values.size() / 3 * 4, 1e4F), 4);
  CHECK(network.run(*session, values, 3) == alone);
}

TEST_CASE("GPU: a thousand runs take no more memory of the device, and neither do twenty loads") {
  if (!has_gpu()) return;
  const Network network("resnet18");
  const auto values = network.pictures(8);
  std::size_t before = 0;
  {
    const auto session = network.open("cuda:0", "fp16");
    for (const std::uint32_t batch : {1U, 2U, 4U, 8U}) (void)network.run(*session, values, batch);
    before = free_memory();
    for (int i = 0; i < 1000; ++i) (void)network.run(*session, values, static_cast<std::uint32_t>(1 + i % 8));
    CHECK(free_memory() >= before);
  }
  for (int i = 0; i < 20; ++i) (void)network.run(*network.open("cuda:0", "fp16"), values, 8);
  CHECK(free_memory() + (std::size_t{64} << 20U) >= before);
}

TEST_CASE("GPU: two lanes at once give what each gives alone") {
  if (!has_gpu()) return;
  const Network first("resnet18");
  const Network second("densenet");
  const auto values = first.pictures(8);
  std::array<std::vector<float>, 2> alone;
  std::thread([&] { alone[0] = first.run(*first.open("cuda:0", "fp32"), values, 8); }).join();
  std::thread([&] { alone[1] = second.run(*second.open("cuda:0", "fp32"), values, 8); }).join();
  std::array<int, 2> different{};
  std::vector<std::thread> lanes;
  for (std::size_t lane = 0; lane < 2; ++lane) {
    lanes.emplace_back([&, lane] {
      const Network& network = lane == 0 ? first : second;
      const auto session = network.open("cuda:0", "fp32");
      for (int i = 0; i < 50; ++i) {
        if (largest_difference(network.run(*session, values, 8), alone[lane]) > 1e-4) ++different[lane];
      }
    });
  }
  for (auto& lane : lanes) lane.join();
  CHECK(different[0] == 0);
  CHECK(different[1] == 0);
}

TEST_CASE("GPU: a batch too large for the device runs in parts or is OUT_OF_MEMORY, and the device serves on") {
  if (!has_gpu()) return;
  Network network("resnet18");
  network.request.max_batch = 64;
  const auto values = network.pictures(64);
  const auto expected = network.run(*network.open("cpu", "fp32"), values, 64);
  // What another program would hold: all but 600 MiB.
  EagerPlace place = cuda_target("cuda:0", Precision::fp32).place;
  const std::size_t left = std::size_t{600} << 20U;
  const std::size_t free = free_memory();
  REQUIRE(free > left);
  {
    const Tensor taken = place.empty(libtorch().aoti_torch_dtype_uint8(),
                                     std::array{static_cast<std::int64_t>(free - left)}, std::array{std::int64_t{1}});
    const auto session = network.open("cuda:0", "fp32");
    CHECK(largest_difference(network.run(*session, values, 64), expected) < 1e-4 * std::max(1.0, largest(expected)));
    MESSAGE("ran in parts of ", dynamic_cast<CudaSession&>(*session).largest_part());
  }
  const auto session = network.open("cuda:0", "fp32");
  CHECK(largest_difference(network.run(*session, values, 64), expected) < 1e-4 * std::max(1.0, largest(expected)));
}

TEST_CASE("GPU: auto takes it, cpu stays the CPU") {
  if (!has_gpu()) return;
  const Network network("resnet18");
  CHECK(network.open("auto", "fp32")->device() == "cuda:0");
  CHECK(network.open("cuda", "fp32")->device() == "cuda:0");
  CHECK(network.open("cpu", "fp32")->device() == "cpu");
  const Error error = test::error_of([&] { (void)network.open("cuda:99", "fp32"); });
  CHECK(error.code() == ErrorCode::backend_unavailable);
}

}  // namespace
}  // namespace mediscan::backend::torch
