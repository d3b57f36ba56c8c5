#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <vector>

#include "backend/torch/device.hpp"
#include "errors.hpp"
#include "needs_libtorch.hpp"
#include "open_network.hpp"

namespace mediscan::backend::torch {
namespace {

using test::contains;
using test::error_of;
using test::NetworkRequest;

const std::atomic<bool> not_cancelled{false};

Error refusal(const NetworkRequest& request, const std::string& file = test::safetensors({})) {
  return error_of([&] { (void)test::open_network(request, file); });
}

TEST_CASE("a place without LibTorch is BACKEND_UNAVAILABLE with the reason, unless the process has one") {
  const auto backend = make_torch_backend();
  const BackendInfo info = backend->probe("/nowhere/at/all");
  CHECK(info.name == "torch");
  CHECK_FALSE(info.simulated);
  REQUIRE_FALSE(info.probes.empty());
  if (info.available) return;  // an earlier case opened one, which stays
  CHECK(contains(info.reason, "/nowhere/at/all"));
  CHECK(info.devices.empty());
  const Bundle bundle;
  const Error error = error_of([&] { (void)backend->open({bundle, {}, "auto", "fp32", 1, 1, "/nowhere/at/all"}); });
  CHECK(error.code() == ErrorCode::backend_unavailable);
  CHECK(contains(error.message(), "does not exist"));
  CHECK(contains(error.hint(), "pip install"));
}

TEST_CASE("devices are listed with what they offer or why they cannot be used") {
  if (!test::has_libtorch()) return;
  const BackendInfo info = make_torch_backend()->probe(test::libtorch_place());
  CHECK(info.available);
  REQUIRE(info.devices.size() >= 2);
  CHECK(info.devices.front().usable);  // the CPU at least is, and what cannot be used comes last
  for (const DeviceInfo& device : info.devices) {
    CAPTURE(device.name);
    CHECK_FALSE(device.detail.empty());
    CHECK(device.usable == !device.precisions.empty());
    if (device.name == "cpu") {
      CHECK(device.precisions == find_cpu(this_cpu()).precisions);
    } else {
      CHECK(device.name.starts_with("cuda"));
    }
  }
}

TEST_CASE("precisions and devices that it does not have are refused by name") {
  if (!test::has_libtorch()) return;
  for (const char* precision : {"fp16", "fp4"}) {
    NetworkRequest request{test::tiny_resnet()};
    request.precision = precision;
    const Error error = refusal(request);
    CHECK(error.code() == ErrorCode::precision_unsupported);
    CHECK(contains(error.message(), precision));
    CHECK(contains(error.message(), "it offers "));
  }
  NetworkRequest half{test::tiny_resnet()};
  half.precision = "fp16";
  CHECK(contains(refusal(half).message(), "reference kernels"));
  if (!this_cpu().bf16) {
    half.precision = "bf16";
    CHECK(contains(refusal(half).message(), "neither avx512_bf16 nor amx_bf16"));
  }
  for (const char* device : {"cuda:99", "tpu"}) {
    NetworkRequest request{test::tiny_resnet()};
    request.device = device;
    const Error error = refusal(request);
    CHECK(error.code() == ErrorCode::backend_unavailable);
    CHECK(contains(error.message(), device));
  }
}

TEST_CASE("what a CPU offers follows from what it computes with, fastest first") {
  Cpu cpu;
  CHECK(find_cpu(cpu).precisions == std::vector<std::string>{"fp32"});
  cpu.avx2 = true;
  CHECK(find_cpu(cpu).precisions == std::vector<std::string>{"int8", "fp32"});
  cpu.bf16 = true;
  CHECK(find_cpu(cpu).precisions == std::vector<std::string>{"int8", "bf16", "fp32"});
}

TEST_CASE("int8 needs weights quantised beforehand, and those serve nothing else") {
  if (!test::has_libtorch() || !this_cpu().avx2) return;
  NetworkRequest request{test::tiny_resnet()};
  request.precision = "int8";
  const Error of_floats = refusal(request, test::safetensors(test::tensors_of(request.architecture)));
  CHECK(of_floats.code() == ErrorCode::precision_unsupported);
  CHECK(contains(of_floats.message(), "int8 needs them quantised"));
  request.precision = "fp32";
  const Error of_bytes = refusal(request, test::safetensors({{"conv1.weight", "I8", {1}, "x"}}));
  CHECK(of_bytes.code() == ErrorCode::precision_unsupported);
  CHECK(contains(of_bytes.message(), "quantised to int8"));
  request.architecture = test::tiny_densenet();
  const Error of_dense_bytes = refusal(request, test::safetensors({{"features.conv0.weight", "I8", {1}, "x"}}));
  CHECK(of_dense_bytes.code() == ErrorCode::precision_unsupported);
  request.precision = "int8";
  const Error of_dense_floats = refusal(request, test::safetensors(test::tensors_of(request.architecture)));
  CHECK(contains(of_dense_floats.message(), "int8 needs them quantised"));
}

TEST_CASE("an architecture it does not know is UNSUPPORTED, naming those it knows") {
  if (!test::has_libtorch()) return;
  NetworkRequest request{test::tiny_resnet()};
  request.architecture.name = "vit_b_16";
  const Error error = refusal(request);
  CHECK(error.code() == ErrorCode::unsupported);
  CHECK(contains(error.message(), "vit_b_16"));
  CHECK(contains(error.hint(), "resnet50"));
  CHECK(contains(error.hint(), "densenet121"));
}

TEST_CASE("numbers that make no network are BUNDLE_INVALID with their field") {
  if (!test::has_libtorch()) return;
  const auto rejected = [](auto&& change, const char* field) {
    NetworkRequest request{test::tiny_resnet()};
    change(request.architecture);
    const Error error = refusal(request);
    CHECK(error.code() == ErrorCode::bundle_invalid);
    CHECK_MESSAGE(contains(error.message(), field), error.message());
  };
  rejected([](Architecture& a) { a.block = "wide"; }, "architecture.block");
  rejected([](Architecture& a) { a.block.reset(); }, "architecture.block");
  rejected([](Architecture& a) { a.layers = {1, 1, 1}; }, "architecture.layers");
  rejected([](Architecture& a) { a.layers = {1, 0, 1, 1}; }, "architecture.layers");
  rejected([](Architecture& a) { a.width = 100000; }, "architecture.width");
  rejected([](Architecture& a) { a.outputs = 0; }, "outputs");
  rejected([](Architecture& a) { a.name = "densenet", a.layers = {}; }, "architecture.layers");
  rejected([](Architecture& a) { a.name = "densenet", a.growth_rate = 0; }, "architecture.growth_rate");
  rejected([](Architecture& a) { a.name = "densenet", a.init_features = 5000; }, "architecture.init_features");
  rejected([](Architecture& a) { a.name = "densenet", a.bn_size = 0; }, "architecture.bn_size");
}

TEST_CASE("weights of another network are BUNDLE_INVALID with the tensors' names") {
  if (!test::has_libtorch()) return;
  NetworkRequest request{test::tiny_resnet()};
  const std::string file = test::safetensors(test::tensors_of(request.architecture));
  request.architecture.outputs = 6;
  const Error error = refusal(request, file);
  CHECK(error.code() == ErrorCode::bundle_invalid);
  CHECK(contains(error.message(), "fc.weight: found shape [5, 32], expected [6, 32]"));
  CHECK(contains(error.message(), "fc.bias: found shape [5], expected [6]"));
  request.format = "onnx";
  CHECK(refusal(request, file).code() == ErrorCode::unsupported);
}

TEST_CASE("thread and batch numbers below one are INVALID_ARGUMENT") {
  NetworkRequest request{test::tiny_resnet()};
  request.threads = 0;
  CHECK(refusal(request).code() == ErrorCode::invalid_argument);
  request.threads = 1;
  request.max_batch = 0;
  CHECK(refusal(request).code() == ErrorCode::invalid_argument);
}

/// A tiny network, open, with a picture for it.
struct Opened {
  Opened() : session(test::open_network({architecture}, test::safetensors(test::tensors_of(architecture)))) {}

  void run(const BatchInput& in, const BatchOutput& out, const std::atomic<bool>& cancelled = not_cancelled) const {
    session->run(in, out, cancelled);
  }

  Architecture architecture = test::tiny_resnet();
  std::vector<float> picture = std::vector<float>(std::size_t{5} * 3 * 64 * 64, 0.25F);
  std::vector<float> logits = std::vector<float>(100, -1.0F);
  BatchInput input{picture.data(), 1, 3, 64, 64, Layout::nchw};
  BatchOutput output{logits.data(), 1, 5};
  std::unique_ptr<Session> session;
};

TEST_CASE("a session says what it runs on") {
  if (!test::has_libtorch()) return;
  const Opened opened;
  CHECK(opened.session->device() == "cpu");
  CHECK(opened.session->precision() == "fp32");
}

TEST_CASE("batches that do not fit the network are refused before LibTorch sees them") {
  if (!test::has_libtorch()) return;
  Opened opened;
  const auto refused = [&](auto&& change, const char* words) {
    BatchInput input = opened.input;
    BatchOutput output = opened.output;
    change(input, output);
    const Error error = error_of([&] { opened.run(input, output); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK_MESSAGE(contains(error.message(), words), error.message());
  };
  refused([](auto& in, auto&) { in.data = nullptr; }, "without memory");
  refused([](auto&, auto& out) { out.logits = nullptr; }, "without memory");
  refused([](auto& in, auto& out) { in.batch = out.batch = 5; }, "takes 1 to 4");
  refused([](auto& in, auto& out) { in.batch = out.batch = 0; }, "takes 1 to 4");
  refused([](auto&, auto& out) { out.batch = 2; }, "rows of logits");
  refused([](auto&, auto& out) { out.outputs = 7; }, "the network has 5");
  refused([](auto& in, auto&) { in.channels = 1; }, "the network takes 3");
  refused([](auto& in, auto&) { in.height = 0; }, "a side");
  refused([](auto& in, auto&) { in.width = 20000; }, "a side");
  CHECK(opened.logits == std::vector<float>(100, -1.0F));
  opened.run(opened.input, opened.output);
  CHECK(opened.logits[4] != -1.0F);
  CHECK(opened.logits[5] == -1.0F);  // nothing is written beyond the logits asked for
}

TEST_CASE("pictures of another size than the weights were packed for work") {
  if (!test::has_libtorch()) return;
  Opened opened;
  opened.input.height = 33;
  opened.input.width = 50;
  opened.run(opened.input, opened.output);
  CHECK(std::isfinite(opened.logits[0]));
}

TEST_CASE("a DenseNet refuses pictures that would vanish on the way, and takes the smallest that does not") {
  if (!test::has_libtorch()) return;
  Architecture architecture;
  architecture.name = "densenet";
  architecture.in_channels = 1;
  architecture.outputs = 2;
  architecture.layers = {1, 1, 1};
  architecture.growth_rate = 4;
  architecture.init_features = 8;
  const auto session = test::open_network({architecture}, test::safetensors(test::tensors_of(architecture)));
  const std::vector<float> picture(32 * 32, 1.0F);
  std::vector<float> logits(2, std::nanf(""));
  const auto run = [&](std::uint32_t side) {
    session->run({picture.data(), 1, 1, side, side, Layout::nchw}, {logits.data(), 1, 2}, not_cancelled);
  };
  // (13 + 1) / 2 = 7 after the stem, 4 after the pool, 2 and 1 after the transitions; 12 leaves nothing.
  run(13);
  CHECK(std::isfinite(logits[0]));
  CHECK(error_of([&] { run(12); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("a cancelled run throws CANCELLED, and the session serves on") {
  if (!test::has_libtorch()) return;
  Opened opened;
  const std::atomic<bool> cancelled{true};
  CHECK(error_of([&] { opened.run(opened.input, opened.output, cancelled); }).code() == ErrorCode::cancelled);
  opened.run(opened.input, opened.output);
  CHECK(std::isfinite(opened.logits[0]));
}

TEST_CASE("the input of a run is not changed by it") {
  if (!test::has_libtorch()) return;
  Opened opened;
  for (std::size_t i = 0; i < opened.picture.size(); ++i) opened.picture[i] = static_cast<float>(i % 7) - 3.0F;
  const auto before = opened.picture;
  opened.run(opened.input, opened.output);
  opened.input.layout = Layout::nhwc;
  opened.run(opened.input, opened.output);
  CHECK(opened.picture == before);
}

TEST_CASE("weights that are not finite, or a negative variance, are BUNDLE_INVALID with the tensor's name") {
  if (!test::has_libtorch()) return;
  const auto with = [](const char* name, float value) {
    auto tensors = test::tensors_of(test::tiny_resnet());
    for (auto& tensor : tensors) {
      if (tensor.name == name) std::memcpy(tensor.bytes.data(), &value, sizeof(value));
    }
    return test::safetensors(tensors);
  };
  const NetworkRequest request{test::tiny_resnet()};
  const Error not_a_number = refusal(request, with("conv1.weight", std::nanf("")));
  CHECK(not_a_number.code() == ErrorCode::bundle_invalid);
  CHECK(contains(not_a_number.message(), "conv1.weight: holds infinite or NaN values"));
  CHECK(contains(refusal(request, with("fc.bias", INFINITY)).message(), "fc.bias"));
  CHECK(contains(refusal(request, with("bn1.running_var", -1.0F)).message(), "bn1.running_var: makes no finite scale"));
}

TEST_CASE("pictures that are not finite are refused: a fused ReLU would make sound numbers of them") {
  if (!test::has_libtorch()) return;
  Opened opened;
  opened.picture[100] = std::nanf("");
  CHECK(error_of([&] { opened.run(opened.input, opened.output); }).code() == ErrorCode::invalid_argument);
  opened.picture[100] = 0;
  opened.run(opened.input, opened.output);
  CHECK(std::isfinite(opened.logits[0]));
}

}  // namespace
}  // namespace mediscan::backend::torch
