// The glue around a network on a GPU, on a device that is played (played_cuda.hpp). What only a GPU can say is in
// torch_cuda_gpu_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <span>
#include <vector>

#include "backend/torch/cuda/session.hpp"
#include "errors.hpp"
#include "needs_libtorch.hpp"
#include "open_network.hpp"
#include "played_cuda.hpp"
#include "preprocess/normalize.hpp"

namespace mediscan::backend::torch {
namespace {

using test::contains;
using test::error_of;

const std::atomic<bool> not_cancelled{false};

struct Model {
  test::NetworkRequest request{test::tiny_resnet(), 33, 40};
  std::string file = test::safetensors(test::tensors_of(test::tiny_resnet()));
  Bundle bundle;
  std::string no_graphs;
  EagerPlace::Convolution convolution = EagerPlace::Convolution::plain;
  AllocateBytes allocate = PlayedAllocator();

  Model() {
    device = {};
    CaptureArena::free_idle();
  }

  std::unique_ptr<CudaSession> open(Precision precision = Precision::fp32) {
    bundle.architecture = request.architecture;
    bundle.input.crop = CropStep{request.height, request.width};
    const WeightsView view{"model.safetensors", "safetensors", "", std::as_bytes(std::span(file))};
    EagerPlace place;
    place.device_type = libtorch().aoti_torch_device_type_cpu();
    place.precision = precision;
    place.convolution = convolution;
    place.add = played().aoti_torch_cuda_add_Tensor;
    return std::make_unique<CudaSession>(
        OpenRequest{bundle, {&view, 1}, "cuda:0", "fp32", 1, request.max_batch, test::libtorch_place()},
        CudaTarget{played(), place, "cuda:0", no_graphs, allocate});
  }

  [[nodiscard]] std::vector<float> pictures(std::uint32_t batch, float phase = 0) const {
    std::vector<float> values(std::size_t{batch} * 3 * request.height * request.width);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(0.37F * static_cast<float>(i % 9973) + phase);
    return values;
  }

  std::vector<float> run(Session& session, const std::vector<float>& values, std::uint32_t batch,
                         Layout layout = Layout::nchw) const {
    std::vector<float> logits(std::size_t{batch} * 5, std::nanf(""));
    session.run({values.data(), batch, request.architecture.in_channels, request.height, request.width, layout},
                {logits.data(), batch, 5}, not_cancelled);
    return logits;
  }

  /// height x width x channels bytes each.
  [[nodiscard]] std::vector<std::uint8_t> samples(std::uint32_t batch) const {
    std::vector<std::uint8_t> bytes(std::size_t{batch} * numbers_of_picture());
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i % 251 + i % 5);
    return bytes;
  }
  [[nodiscard]] std::vector<float> tensors_of(const std::vector<std::uint8_t>& samples) const {
    std::vector<float> values(samples.size());
    for (std::size_t at = 0; at < samples.size(); at += numbers_of_picture()) {
      recipe::normalize_samples(bundle.input, std::span(samples).subspan(at, numbers_of_picture()), request.height,
                                request.width, std::span(values).subspan(at, numbers_of_picture()));
    }
    return values;
  }
  std::vector<float> run_samples(Session& session, const std::vector<std::uint8_t>& samples,
                                 std::uint32_t batch) const {
    std::vector<float> logits(std::size_t{batch} * 5, std::nanf(""));
    const std::uint32_t channels = request.architecture.in_channels;
    session.run({nullptr, batch, channels, request.height, request.width, Layout::nchw, samples.data()},
                {logits.data(), batch, 5}, not_cancelled);
    return logits;
  }
  [[nodiscard]] std::size_t numbers_of_picture() const {
    return std::size_t{request.architecture.in_channels} * request.height * request.width;
  }

  /// By the oneDNN network.
  [[nodiscard]] std::vector<float> on_cpu(const std::vector<float>& values, std::uint32_t batch) const {
    test::NetworkRequest cpu = request;
    cpu.device = "cpu";
    cpu.max_batch = 64;
    return run(*test::open_network(cpu, file), values, batch);
  }
};

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double{a[i]} - b[i]);
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  return largest;
}

template <class Value>
bool uploaded(const std::vector<Value>& values) {
  return std::ranges::equal(device.last_upload, std::as_bytes(std::span(values)));
}

constexpr double tolerance = 1e-4;

TEST_CASE("a CUDA session gives the CPU's logits for every batch size, padded to its bucket or not") {
  if (!test::has_libtorch()) return;
  Model model;
  model.no_graphs = "not wanted";
  model.request.max_batch = 6;
  const auto session = model.open();
  CHECK(session->device() == "cuda:0");
  CHECK(session->precision() == "fp32");
  const auto values = model.pictures(6);
  for (std::uint32_t batch = 1; batch <= 6; ++batch) {
    CAPTURE(batch);
    CHECK(largest_difference(model.run(*session, values, batch), model.on_cpu(values, batch)) < tolerance);
  }
  CHECK(device.scopes == 0);
  CHECK(device.captures == 0);
  CHECK(session->remark() == "batches run without CUDA graphs: not wanted");
}

// A played graph computes nothing when it is launched; what its capture computed is there.
TEST_CASE("each bucket is captured as a graph whose logits are the CPU's") {
  if (!test::has_libtorch()) return;
  Model model;
  model.request.max_batch = 6;
  const auto session = model.open();
  const auto values = model.pictures(6);
  for (const std::uint32_t batch : {1U, 2U, 3U, 5U}) {
    CAPTURE(batch);
    CHECK(largest_difference(model.run(*session, values, batch), model.on_cpu(values, batch)) < tolerance);
  }
  CHECK(session->graphs() == 4);  // of 1, 2, 4 and 6 pictures
  CHECK(device.captures == 4);
  CHECK(device.launches == 4);
  CHECK(device.scopes == 0);
  CHECK(session->remark().empty());
}

TEST_CASE("a CUDA session takes both layouts and other sizes, and makes graphs for the bundle's own alone") {
  if (!test::has_libtorch()) return;
  Model model;
  const auto session = model.open();
  const auto nchw = model.pictures(2);
  std::vector<float> nhwc(nchw.size());
  const std::size_t plane = std::size_t{model.request.height} * model.request.width;
  for (std::size_t i = 0; i < nchw.size(); ++i)
    nhwc[i / (3 * plane) * 3 * plane + i % plane * 3 + i % (3 * plane) / plane] = nchw[i];
  CHECK(largest_difference(model.run(*session, nhwc, 2, Layout::nhwc), model.on_cpu(nchw, 2)) < tolerance);
  CHECK(session->graphs() == 0);
  model.request.height = 50;
  const auto other = model.pictures(2);
  CHECK(largest_difference(model.run(*session, other, 2), model.on_cpu(other, 2)) < tolerance);
  CHECK(session->graphs() == 0);
}

TEST_CASE("a bucket is captured once, after two runs, and then launched on what was uploaded") {
  if (!test::has_libtorch()) return;
  Model model;
  const auto session = model.open();
  const auto first = model.pictures(1);
  const auto second = model.pictures(1, 1.0F);
  const auto logits = model.run(*session, first, 1);
  CHECK(device.captures == 1);
  CHECK(device.launches == 1);
  CHECK(uploaded(first));
  (void)model.run(*session, second, 1);
  CHECK(device.captures == 1);
  CHECK(device.launches == 2);
  CHECK(uploaded(second));
  CHECK(session->remark().empty());
}

TEST_CASE("samples go up as bytes and give the very logits of the tensor that the recipe makes of them") {
  if (!test::has_libtorch()) return;
  Model model;
  model.bundle.input.mean = {0.485F, 0.456F, 0.406F};
  model.bundle.input.std = {0.229F, 0.224F, 0.225F};
  model.request.max_batch = 6;
  for (const char* no_graphs : {"", "not wanted"}) {
    model.no_graphs = no_graphs;
    const auto session = model.open();
    REQUIRE(session->takes_samples());
    const auto samples = model.samples(6);
    const auto values = model.tensors_of(samples);
    for (const std::uint32_t batch : {1U, 2U, 3U, 5U}) {  // one of each bucket: a played graph computes once
      CAPTURE(batch);
      const auto logits = model.run_samples(*session, samples, batch);
      CHECK(device.last_upload.size() == std::size_t{batch} * 3 * model.request.height * model.request.width);
      CHECK(logits == model.run(*session, values, batch));
      CHECK(largest_difference(logits, model.on_cpu(values, batch)) < tolerance);
    }
    CHECK(session->graphs() == (model.no_graphs.empty() ? 8 : 0));  // of 1, 2, 4 and 6 pictures in both forms
  }
}

TEST_CASE("samples of one channel, of another size and after the device ran out of memory") {
  if (!test::has_libtorch()) return;
  Model model;
  model.request.architecture.in_channels = 1;
  model.file = test::safetensors(test::tensors_of(model.request.architecture));
  model.bundle.input.color = ColorMode::gray;
  model.bundle.input.scale = Scale::xrv;
  model.request.max_batch = 4;
  const auto session = model.open();
  const auto same = [&] {
    const auto samples = model.samples(3);
    CHECK(model.run_samples(*session, samples, 3) == model.run(*session, model.tensors_of(samples), 3));
  };
  same();
  model.request.width = 50;
  same();
  model.request.width = 40;
  device.of_download = cuda_out_of_memory;
  CHECK(error_of([&] { (void)model.run_samples(*session, model.samples(3), 3); }).code() == ErrorCode::out_of_memory);
  device.of_download = 0;
  same();
  CHECK(session->largest_part() == 1);
}

TEST_CASE("the CPU's sessions refuse samples by name") {
  if (!test::has_libtorch()) return;
  Model model;
  test::NetworkRequest cpu = model.request;
  cpu.device = "cpu";
  const auto session = test::open_network(cpu, model.file);
  CHECK_FALSE(session->takes_samples());
  const Error error = error_of([&] { (void)model.run_samples(*session, model.samples(1), 1); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK(contains(error.message(), "samples"));
}

TEST_CASE("where a graph cannot be captured the session computes without, and says why") {
  if (!test::has_libtorch()) return;
  const auto computes_without = [](Model& model, const char* why) {
    const auto session = model.open();
    for (const float phase : {0.0F, 1.0F}) {
      const auto values = model.pictures(3, phase);
      CHECK(largest_difference(model.run(*session, values, 3), model.on_cpu(values, 3)) < tolerance);
    }
    CHECK(session->graphs() == 0);
    CHECK(device.launches == 0);
    CHECK(device.graphs == 0);
    CHECK(contains(session->remark(), "without CUDA graphs"));
    CHECK_MESSAGE(contains(session->remark(), why), session->remark());
  };
  {
    Model model;
    device.end_of_capture = 901;  // cudaErrorStreamCaptureInvalidated
    computes_without(model, "cudaStreamEndCapture: as played (CUDA error 901)");
    CHECK(device.captures == 2);
  }
  {
    Model model;
    device.while_capturing = [] { device.free_memory -= 2U << 20U; };
    computes_without(model, "a graph needs more than the");
  }
  {
    Model model;
    model.allocate = [](std::int64_t bytes) {  // never where the last one was
      static std::vector<std::vector<std::uint8_t>> kept;
      kept.emplace_back(static_cast<std::size_t>(bytes));
      return Tensor::view(libtorch().aoti_torch_dtype_uint8(), kept.back().data(), std::array{bytes},
                          std::array{std::int64_t{1}});
    };
    computes_without(model, "does not cut its memory as expected");
  }
}

TEST_CASE("an arena that was too small is followed by a larger one") {
  if (!test::has_libtorch()) return;
  Model model;
  device.while_capturing = [] {
    if (device.captures == 1) device.free_memory -= 2U << 20U;
  };
  const auto session = model.open();
  const auto values = model.pictures(1);
  CHECK(largest_difference(model.run(*session, values, 1), model.on_cpu(values, 1)) < tolerance);
  CHECK(device.captures == 2);
  CHECK(session->graphs() == 1);
  CHECK(session->remark().empty());
}

TEST_CASE("settings of LibTorch's allocator under which no memory can be kept are known") {
  CHECK_FALSE(CaptureArena::unsuitable_settings(nullptr));
  CHECK_FALSE(CaptureArena::unsuitable_settings("max_split_size_mb:512,expandable_segments:False"));
  CHECK(contains(CaptureArena::unsuitable_settings("expandable_segments:True").value_or(""), "expandable_segments"));
  CHECK(contains(CaptureArena::unsuitable_settings("backend:cudaMallocAsync").value_or(""), "cudaMallocAsync"));
}

TEST_CASE("an arena is used again by the next session that it is large enough for") {
  if (!test::has_libtorch()) return;
  Model model;
  const auto values = model.pictures(1);
  for (int i = 0; i < 3; ++i) (void)model.run(*model.open(), values, 1);
  CHECK(device.streams <= 2);  // one for the sessions, unless an earlier case left one, and one for their captures
  CHECK(CaptureArena::free_idle());
  CHECK_FALSE(CaptureArena::free_idle());
}

TEST_CASE("a batch that the device has no memory for runs in smaller parts, down to one picture, from then on") {
  if (!test::has_libtorch()) return;
  Model model;
  model.no_graphs = "not wanted";
  model.request.max_batch = 12;
  const auto session = model.open();
  const auto values = model.pictures(12);
  device.of_download = cuda_out_of_memory;
  const Error error = error_of([&] { (void)model.run(*session, values, 12); });
  CHECK(error.code() == ErrorCode::out_of_memory);
  CHECK(contains(error.message(), "cuda:0 has no memory for a single picture"));
  CHECK_FALSE(error.hint().empty());
  CHECK(session->largest_part() == 1);
  device.of_download = 0;
  CHECK(largest_difference(model.run(*session, values, 12), model.on_cpu(values, 12)) < tolerance);
  CHECK(contains(session->remark(), "in parts of 1 pictures, the device has no memory for 12"));
  CHECK(device.scopes == 0);
}

TEST_CASE("one failure for want of memory halves the parts and the batch still has its logits") {
  if (!test::has_libtorch()) return;
  Model model;
  model.request.max_batch = 12;
  const auto session = model.open();
  const auto values = model.pictures(12);
  device.while_capturing = [] { device.of_launch = device.launches == 0 ? cuda_out_of_memory : 0; };
  CHECK(largest_difference(model.run(*session, values, 12), model.on_cpu(values, 12)) < tolerance);
  CHECK(session->largest_part() == 8);
  CHECK(session->graphs() == 2);  // of 8 and of the 4 that are left
  CHECK(device.graphs == 2);
}

TEST_CASE("no memory at all when opening is OUT_OF_MEMORY, and nothing stays behind") {
  if (!test::has_libtorch()) return;
  for (const int blocks : {0, 1, 2}) {
    Model model;
    device.pinned_left = blocks;
    const Error error = error_of([&] { (void)model.open(); });
    CHECK(error.code() == ErrorCode::out_of_memory);
    CHECK_FALSE(error.hint().empty());
    CHECK(device.pinned == 0);
    CHECK(device.events == 0);
    CHECK(device.scopes == 0);
  }
}

TEST_CASE("a device that fails is BACKEND_FAILED with CUDA's words, not a smaller batch") {
  if (!test::has_libtorch()) return;
  Model model;
  const auto session = model.open();
  const auto values = model.pictures(2);
  device.of_synchronize = 700;  // cudaErrorIllegalAddress
  const Error error = error_of([&] { (void)model.run(*session, values, 2); });
  CHECK(error.code() == ErrorCode::backend_failed);
  CHECK(contains(error.message(), "CUDA error 700"));
  CHECK(session->largest_part() == 4);
  device.of_synchronize = 0;
  CHECK(largest_difference(model.run(*session, values, 2), model.on_cpu(values, 2)) < tolerance);
}

TEST_CASE("an operator that fails in a capture ends it, and the session computes without graphs") {
  if (!test::has_libtorch()) return;
  Model model;
  const auto session = model.open();
  const auto values = model.pictures(2);
  device.when_capture_begins = [] { device.fail_adds = 1; };
  CHECK(largest_difference(model.run(*session, values, 2), model.on_cpu(values, 2)) < tolerance);
  CHECK(device.captures == 2);
  CHECK_FALSE(device.capturing);
  CHECK(contains(session->remark(), "LibTorch failed in aten::add"));
}

TEST_CASE("an operator that fails is BACKEND_FAILED, and the session serves on") {
  if (!test::has_libtorch()) return;
  Model model;
  const auto session = model.open();
  const auto values = model.pictures(2);
  device.fail_adds = 1;
  CHECK(error_of([&] { (void)model.run(*session, values, 2); }).code() == ErrorCode::backend_failed);
  CHECK(largest_difference(model.run(*session, values, 2), model.on_cpu(values, 2)) < tolerance);
}

TEST_CASE("a device without fused convolutions computes with plain ones and says so") {
  if (!test::has_libtorch()) return;
  Model model;
  model.convolution = EagerPlace::Convolution::fused;  // which the CPU has not
  const auto session = model.open();
  const auto values = model.pictures(2);
  CHECK(largest_difference(model.run(*session, values, 2), model.on_cpu(values, 2)) < tolerance);
  CHECK(contains(session->remark(), "unfused"));
  CHECK(contains(session->remark(), "cudnn_convolution_relu"));
  CHECK(session->graphs() == 1);
}

TEST_CASE("a CUDA session in fp16 gives the logits within what eleven bits leave of them") {
  if (!test::has_libtorch()) return;
  Model model;
  const auto session = model.open(Precision::fp16);
  CHECK(session->precision() == "fp16");
  const auto values = model.pictures(2);
  const auto expected = model.on_cpu(values, 2);
  float size = 0;
  for (const float logit : expected) size = std::max(size, std::abs(logit));
  CHECK(largest_difference(model.run(*session, values, 2), expected) < 0.01 * double{size});
}

TEST_CASE("everything of a session is given back when it closes") {
  if (!test::has_libtorch()) return;
  Model model;
  {
    const auto session = model.open();
    (void)model.run(*session, model.pictures(4), 4);
    CHECK(device.pinned == 3);
    CHECK(device.events == 2);
    CHECK(device.graphs == 1);
    CHECK(session->memory_bytes() > 4 * model.pictures(4).size());
  }
  CHECK(device.pinned == 0);
  CHECK(device.events == 0);
  CHECK(device.graphs == 0);
  CHECK(device.scopes == 0);
}

TEST_CASE("a cancelled batch ends before it is launched") {
  if (!test::has_libtorch()) return;
  Model model;
  const auto session = model.open();
  const auto values = model.pictures(1);
  std::vector<float> logits(5);
  const std::atomic<bool> cancelled{true};
  const Error error = error_of([&] {
    session->run({values.data(), 1, 3, model.request.height, model.request.width, Layout::nchw}, {logits.data(), 1, 5},
                 cancelled);
  });
  CHECK(error.code() == ErrorCode::cancelled);
  CHECK(device.launches == 0);
}

TEST_CASE("CUDA refuses quantised weights and unknown architectures by name") {
  if (!test::has_libtorch()) return;
  Model model;
  model.file = test::safetensors({{"conv1.weight", "I8", {1}, "x"}});
  const Error quantised = error_of([&] { (void)model.open(); });
  CHECK(quantised.code() == ErrorCode::precision_unsupported);
  CHECK(contains(quantised.message(), "quantised to int8"));
  model.request.architecture.name = "vgg16";
  model.file = test::safetensors({});
  CHECK(error_of([&] { (void)model.open(); }).code() == ErrorCode::unsupported);
}

TEST_CASE("a page-locked ring carries more than its slots hold, in order") {
  Model model;
  constexpr std::size_t slot = 16;
  PinnedRing ring(played(), slot);
  CHECK(ring.bytes() == 2 * slot);
  std::vector<std::uint8_t> from(100);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::uint8_t>(i);
  std::vector<std::uint8_t> to(from.size());
  ring.upload(from.data(), to.data(), from.size(), nullptr);
  CHECK(to == from);
}

}  // namespace
}  // namespace mediscan::backend::torch
