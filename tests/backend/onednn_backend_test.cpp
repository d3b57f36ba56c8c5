#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "backend/cpu.hpp"
#include "backend/network/winograd.hpp"
#include "backend/onednn/crew.hpp"
#include "errors.hpp"
#include "needs_onednn.hpp"
#include "open_network.hpp"

namespace mediscan::backend::onednn {
namespace {

using test::contains;
using test::error_of;

const std::atomic<bool> not_cancelled{false};

test::NetworkRequest request_for(Architecture architecture) {
  test::NetworkRequest request{std::move(architecture)};
  request.backend = "onednn";
  return request;
}

Error refusal(const test::NetworkRequest& request, const std::string& file = test::safetensors({})) {
  return error_of([&] { (void)test::open_network(request, file); });
}

TEST_CASE("onednn: the backend says what it found and what the CPU offers, fastest first") {
  if (!test::has_onednn()) return;
  const BackendInfo info = make_onednn_backend()->probe({});
  CHECK(info.name == "onednn");
  CHECK(info.available);
  CHECK_FALSE(info.simulated);
  CHECK(info.version.starts_with("3."));
  REQUIRE(info.devices.size() == 1);
  CHECK(info.devices[0].name == "cpu");
  const std::vector<std::string> offered =
      this_cpu().avx2 ? std::vector<std::string>{"int8", "fp32"} : std::vector<std::string>{"fp32"};
  CHECK(info.devices[0].precisions == offered);
}

TEST_CASE("onednn: precisions, devices and architectures that it does not have are refused by name") {
  if (!test::has_onednn()) return;
  for (const char* precision : {"bf16", "fp16"}) {
    auto request = request_for(test::tiny_resnet());
    request.precision = precision;
    const Error error = refusal(request);
    CHECK(error.code() == ErrorCode::precision_unsupported);
    CHECK(contains(error.message(), precision));
  }
  auto request = request_for(test::tiny_resnet());
  request.device = "cuda";
  CHECK(refusal(request).code() == ErrorCode::backend_unavailable);
  request = request_for(test::tiny_resnet());
  request.architecture.name = "vit_b_16";
  const Error unknown = refusal(request);
  CHECK(unknown.code() == ErrorCode::unsupported);
  CHECK(contains(unknown.message(), "vit_b_16"));
  CHECK(contains(unknown.hint(), "resnet50"));
}

TEST_CASE("onednn: int8 needs weights quantised beforehand, and those serve nothing else") {
  if (!test::has_onednn() || !this_cpu().avx2) return;
  auto request = request_for(test::tiny_resnet());
  request.precision = "int8";
  const Error of_floats = refusal(request, test::safetensors(test::tensors_of(request.architecture)));
  CHECK(of_floats.code() == ErrorCode::precision_unsupported);
  CHECK(contains(of_floats.message(), "int8 needs them quantised"));
  request.precision = "fp32";
  CHECK(
      contains(refusal(request, test::safetensors({{"conv1.weight", "I8", {1}, "x"}})).message(), "quantised to int8"));
}

TEST_CASE("onednn: weights and numbers of another network are BUNDLE_INVALID with their names") {
  if (!test::has_onednn()) return;
  auto request = request_for(test::tiny_resnet());
  const std::string file = test::safetensors(test::tensors_of(request.architecture));
  request.architecture.outputs = 6;
  const Error error = refusal(request, file);
  CHECK(error.code() == ErrorCode::bundle_invalid);
  CHECK(contains(error.message(), "fc.weight: found shape [5, 32], expected [6, 32]"));
  request.architecture.outputs = 0;
  CHECK(refusal(request, file).code() == ErrorCode::bundle_invalid);
  request.architecture.outputs = 5;
  request.architecture.block = "wide";
  CHECK(contains(refusal(request, file).message(), "architecture.block"));
}

TEST_CASE("onednn: thread and batch numbers below one are INVALID_ARGUMENT") {
  auto request = request_for(test::tiny_resnet());
  request.threads = 0;
  CHECK(refusal(request).code() == ErrorCode::invalid_argument);
  request.threads = 1;
  request.max_batch = 0;
  CHECK(refusal(request).code() == ErrorCode::invalid_argument);
}

/// A tiny network, open, with pictures for it.
struct Opened {
  explicit Opened(Architecture of = test::tiny_resnet())
      : architecture(std::move(of)),
        session(test::open_network(request_for(architecture), test::safetensors(test::tensors_of(architecture)))) {
    for (std::size_t i = 0; i < pictures.size(); ++i)
      pictures[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(i % 9973)));
  }

  std::vector<float> run(std::uint32_t batch, std::uint32_t height = 64, std::uint32_t width = 64,
                         const std::atomic<bool>& cancelled = not_cancelled) {
    std::vector<float> logits(std::size_t{batch} * architecture.outputs, std::nanf(""));
    session->run({pictures.data(), batch, architecture.in_channels, height, width, Layout::nchw},
                 {logits.data(), batch, architecture.outputs}, cancelled);
    return logits;
  }

  Architecture architecture;
  std::vector<float> pictures = std::vector<float>(std::size_t{4} * 3 * 96 * 96);
  std::unique_ptr<Session> session;
};

TEST_CASE("onednn: pictures of other sizes than the bundle's work, and the bundle's do after them as before") {
  if (!test::has_onednn()) return;
  Opened opened;
  const auto before = opened.run(2);
  for (const auto& [batch, height, width] :
       {std::tuple(4U, 96U, 96U), std::tuple(1U, 33U, 50U), std::tuple(3U, 96U, 80U)}) {
    const auto logits = opened.run(batch, height, width);
    CHECK(std::ranges::all_of(logits, [](float logit) { return std::isfinite(logit); }));
    CHECK(opened.run(batch, height, width) == logits);
  }
  CHECK(opened.run(2) == before);
}

TEST_CASE("onednn: a batch has each picture's own logits, shared out among threads or computed by all of them") {
  if (!test::has_onednn()) return;
  constexpr std::uint32_t most = 8;
  for (const Architecture& architecture : {test::tiny_resnet(), test::tiny_densenet()}) {
    const std::string file = test::safetensors(test::tensors_of(architecture));
    const std::size_t picture = std::size_t{architecture.in_channels} * 64 * 64;
    std::vector<float> pictures(most * picture);
    for (std::size_t i = 0; i < pictures.size(); ++i)
      pictures[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(i % 9973)));
    const auto run = [&](Session& session, std::uint32_t first, std::uint32_t batch, Layout layout = Layout::nchw) {
      std::vector<float> logits(std::size_t{batch} * architecture.outputs, std::nanf(""));
      session.run({pictures.data() + first * picture, batch, architecture.in_channels, 64, 64, layout},
                  {logits.data(), batch, architecture.outputs}, not_cancelled);
      return logits;
    };
    auto request = request_for(architecture);
    request.max_batch = most;
    request.threads = 1;
    const auto alone = test::open_network(request, file);
    std::vector<float> expected;
    for (std::uint32_t i = 0; i < most; ++i) {
      const auto logits = run(*alone, i, 1);
      expected.insert(expected.end(), logits.begin(), logits.end());
    }
    for (const int threads : {1, 2, 3, 5, 8}) {
      request.threads = threads;
      const auto session = test::open_network(request, file);
      for (std::uint32_t batch = 1; batch <= most; ++batch) {
        CAPTURE(threads);
        CAPTURE(batch);
        const auto logits = run(*session, 0, batch);
        double largest = 0;
        for (std::size_t i = 0; i < logits.size(); ++i) {
          const double difference = std::abs(double{logits[i]} - expected[i]);
          largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
        }
        CHECK(largest < 1e-5);
        CHECK(run(*session, 0, batch) == logits);
      }
    }
  }
}

TEST_CASE("onednn: a batch is shared out where next to no thread is idle at its end") {
  if (!test::has_onednn()) return;
  const Processor processor;
  const auto takes = [&](int threads, std::int64_t batch) {
    return Crew(processor, threads, [](Plan&, Crew::Size) {}).takes(batch);
  };
  for (const std::int64_t batch : {1, 2, 8}) CHECK_FALSE(takes(1, batch));
  CHECK_FALSE(takes(2, 1));
  CHECK(takes(2, 2));
  CHECK_FALSE(takes(2, 3));  // one of the threads would idle for a quarter of the time
  CHECK(takes(2, 8));
  CHECK(takes(2, 7));
  CHECK_FALSE(takes(16, 8));
  CHECK(takes(16, 16));
  CHECK_FALSE(takes(16, 18));
}

TEST_CASE("onednn: a batch that is shared out and cancelled throws CANCELLED, and the session serves on") {
  if (!test::has_onednn()) return;
  Opened opened;
  const auto before = opened.run(4);
  const std::atomic<bool> cancelled{true};
  CHECK(error_of([&] { (void)opened.run(4, 64, 64, cancelled); }).code() == ErrorCode::cancelled);
  CHECK(opened.run(4) == before);
}

TEST_CASE("onednn: a session knows the memory it holds") {
  if (!test::has_onednn()) return;
  Opened opened;
  std::uint64_t weights = 0;
  for (const auto& tensor : test::tensors_of(opened.architecture)) weights += tensor.bytes.size();
  const auto before = opened.session->memory_bytes();
  CHECK(before > weights);
  (void)opened.run(4, 96, 96);
  CHECK(opened.session->memory_bytes() > before);
}

TEST_CASE("onednn: running makes no primitive and reorders nothing, as oneDNN itself reports") {
  if (!test::has_onednn()) return;
  const std::string command =
      "MEDISCAN_ONEDNN=" + find_libdnnl().library.string() + " ONEDNN_VERBOSE=2 " + MEDISCAN_ONEDNN_SESSION;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  bool running = false;
  int made_before = 0;
  int executed = 0;
  std::array<char, 4096> buffer{};
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe.get()) != nullptr) {
    const std::string line = buffer.data();
    running = running || line.starts_with("RUNNING");
    if (!line.starts_with("onednn_verbose") || contains(line, ",info,")) continue;
    if (!running && contains(line, ",create")) ++made_before;
    if (!running) continue;
    CHECK_MESSAGE(contains(line, ",exec,"), line);
    CHECK_MESSAGE((contains(line, ",convolution,") || contains(line, ",inner_product,")), line);
    ++executed;
  }
  // The tiny ResNet has a stem, 8 convolutions, 3 shortcuts and a head; the tiny DenseNet a stem, 7 layers of 2
  // convolutions, 2 transitions and a head. On two threads one picture is computed by both, 2 and 4 are shared out.
  // Two of the ResNet's convolutions may be ours.
  const int ours = WinogradConv::suits({16, 16, 3, 1, 1}) && WinogradConv::suits({32, 32, 3, 1, 1}) ? 2 : 0;
  CHECK(executed == (1 + 2 + 4 + 1) * (13 - ours + 18));
  CHECK(made_before > 0);
}

TEST_CASE("onednn: a DenseNet refuses pictures that would vanish on the way, and takes the smallest that does not") {
  if (!test::has_onednn()) return;
  Opened opened(test::tiny_densenet());
  CHECK(std::isfinite(opened.run(1, 13, 13).front()));
  CHECK(error_of([&] { (void)opened.run(1, 12, 12); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("onednn: a cancelled run throws CANCELLED, and the session serves on") {
  if (!test::has_onednn()) return;
  Opened opened;
  const std::atomic<bool> cancelled{true};
  CHECK(error_of([&] { (void)opened.run(1, 64, 64, cancelled); }).code() == ErrorCode::cancelled);
  CHECK(std::isfinite(opened.run(1).front()));
}

}  // namespace
}  // namespace mediscan::backend::onednn
