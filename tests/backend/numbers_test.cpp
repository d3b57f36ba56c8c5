// The logits of the torch and the onednn backend against a plain double-precision forward of the same networks. Against
// torch itself: tests/parity.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <vector>

#include "backend/cpu.hpp"
#include "needs_libtorch.hpp"
#include "needs_onednn.hpp"
#include "open_network.hpp"

namespace mediscan::backend::torch {
namespace {

constexpr double tolerance = 1e-4;  // what the project promises for fp32 logits
const std::atomic<bool> not_cancelled{false};

std::vector<float> pictures(std::uint32_t batch, const test::NetworkRequest& request) {
  std::vector<float> values(std::size_t{batch} * request.architecture.in_channels * request.height * request.width);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(i % 9973)) +
                                   0.3 * std::cos(0.011 * static_cast<double>(i)));
  }
  return values;
}

/// Largest difference of our logits for a batch from the reference's for each of its pictures, and the largest logit
/// through `size_of_logits`.
double largest_difference(const test::NetworkRequest& request, std::uint32_t batch, double* size_of_logits = nullptr) {
  const Architecture& architecture = request.architecture;
  const auto values = pictures(batch, request);
  test::Parameters parameters(7);
  std::vector<double> expected;
  const std::size_t size = values.size() / batch;
  for (std::uint32_t i = 0; i < batch; ++i) {
    const test::Volume picture{architecture.in_channels, request.height, request.width,
                               std::vector<double>(values.begin() + static_cast<std::ptrdiff_t>(i * size),
                                                   values.begin() + static_cast<std::ptrdiff_t>((i + 1) * size))};
    const auto resnet = ResNetConfig::from(architecture);
    const auto logits = resnet ? test::run_resnet(parameters, *resnet, picture)
                               : test::run_densenet(parameters, *DenseNetConfig::from(architecture), picture);
    expected.insert(expected.end(), logits.begin(), logits.end());
  }
  const auto session = test::open_network(request, test::safetensors(parameters.tensors()));
  std::vector<float> logits(expected.size(), std::nanf(""));
  session->run({values.data(), batch, architecture.in_channels, request.height, request.width, Layout::nchw},
               {logits.data(), batch, architecture.outputs}, not_cancelled);
  double largest = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double difference = std::abs(logits[i] - expected[i]);
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  if (size_of_logits != nullptr) {
    for (const double logit : expected) *size_of_logits = std::max(*size_of_logits, std::abs(logit));
  }
  MESSAGE(request.backend, " ", architecture.name, " batch ", batch, ": largest logit difference ", largest);
  return largest;
}

/// Runs `check` with the name of each backend that works here.
template <class Check>
void for_each_backend(Check&& check) {
  if (test::has_libtorch()) check("torch");
  if (test::has_onednn()) check("onednn");
}

TEST_CASE("a ResNet of basic blocks gives the logits of the paper's arithmetic") {
  for_each_backend([](const char* backend) {
    test::NetworkRequest request{test::tiny_resnet(), 65, 97};
    request.backend = backend;
    request.architecture.layers = {1, 2, 1, 1};
    CHECK(largest_difference(request, 1) < tolerance);
    CHECK(largest_difference(request, 3) < tolerance);
  });
}

TEST_CASE("a ResNet of bottleneck blocks on grey pictures gives the logits of the paper's arithmetic") {
  for_each_backend([](const char* backend) {
    test::NetworkRequest request{test::tiny_resnet(), 64, 64};
    request.backend = backend;
    request.architecture.block = "bottleneck";
    request.architecture.in_channels = 1;
    request.architecture.layers = {1, 1, 1, 2};
    CHECK(largest_difference(request, 1) < tolerance);
    CHECK(largest_difference(request, 2) < tolerance);
  });
}

// bfloat16 keeps 8 bits, so each of some ten layers adds a relative error of up to 2^-9; torch's own bfloat16 is the
// measure of the large networks (tests/parity).
TEST_CASE("ResNets in bf16 give the logits of the paper's arithmetic within what eight bits leave of them") {
  if (!test::has_libtorch()) return;
  if (!this_cpu().bf16) {
    MESSAGE("MEDISCAN_SKIP: this CPU multiplies no bfloat16");
    return;
  }
  for (const char* block : {"basic", "bottleneck"}) {
    test::NetworkRequest request{test::tiny_resnet(), 65, 97};
    request.architecture.block = block;
    request.precision = "bf16";
    for (const std::uint32_t batch : {1U, 3U}) {
      double size = 0;
      const double difference = largest_difference(request, batch, &size);
      CHECK(difference < 0.03 * size);
      CHECK(difference > tolerance);  // or it was not bf16
    }
  }
}

TEST_CASE("a DenseNet in bf16 gives the logits of the paper's arithmetic within what eight bits leave of them") {
  if (!test::has_libtorch()) return;
  if (!this_cpu().bf16) {
    MESSAGE("MEDISCAN_SKIP: this CPU multiplies no bfloat16");
    return;
  }
  test::NetworkRequest request{test::tiny_densenet(), 70, 101};
  request.precision = "bf16";
  for (const std::uint32_t batch : {1U, 3U}) {
    double size = 0;
    const double difference = largest_difference(request, batch, &size);
    CHECK(difference < 0.03 * size);
    CHECK(difference > tolerance);  // or it was not bf16
  }
}

TEST_CASE("a DenseNet gives the logits of the paper's arithmetic, on sizes that do not halve evenly too") {
  for_each_backend([](const char* backend) {
    test::NetworkRequest request{test::tiny_densenet(), 70, 101};
    request.backend = backend;
    CHECK(largest_difference(request, 1) < tolerance);
    request.height = request.width = 64;
    CHECK(largest_difference(request, 3) < tolerance);
  });
}

/// Wide enough for every way of computing a convolution.
TEST_CASE("networks of whole vectors of channels give the logits of the papers' arithmetic") {
  Architecture basic = test::tiny_resnet();
  basic.layers = {1, 2, 1, 1};
  basic.width = 16;
  Architecture bottleneck = basic;
  bottleneck.block = "bottleneck";
  Architecture dense = test::tiny_densenet();
  dense.growth_rate = 16;
  for_each_backend([&](const char* backend) {
    for (const Architecture& architecture : {basic, bottleneck, dense}) {
      test::NetworkRequest request{architecture, 65, 98};
      request.backend = backend;
      request.max_batch = 3;
      request.threads = 2;
      for (std::uint32_t batch = 1; batch <= 3; ++batch)  // by all threads, and shared out
        CHECK(largest_difference(request, batch) < tolerance);
    }
  });
}

}  // namespace
}  // namespace mediscan::backend::torch
