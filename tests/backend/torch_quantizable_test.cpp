// Networks watched, turned into int8 by the ranges that were seen, and run: against the plain double-precision forward
// of the same networks. What the ranges should be is src/quantization's business; the arithmetic is compared with
// torch's in tests/parity.
#include "backend/quantizable.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "backend/cpu.hpp"
#include "bundle/safetensors_writer.hpp"
#include "errors.hpp"
#include "needs_libtorch.hpp"
#include "needs_onednn.hpp"
#include "open_network.hpp"

namespace mediscan::backend::torch {
namespace {

using test::contains;

const std::atomic<bool> not_cancelled{false};

bool can_quantize() {
  if (!test::has_libtorch()) return false;
  if (!this_cpu().avx2) MESSAGE("MEDISCAN_SKIP: this CPU has no int8");
  return this_cpu().avx2;
}

Architecture bottleneck_resnet() {
  Architecture architecture = test::tiny_resnet();
  architecture.block = "bottleneck";
  architecture.layers = {2, 1, 1, 2};
  return architecture;
}

/// A drawn network, a few pictures, and the logits that the paper's arithmetic gives for them.
struct Subject {
  explicit Subject(Architecture of) : request{std::move(of), 70, 101} {
    const Architecture& architecture = request.architecture;
    const std::size_t size = std::size_t{architecture.in_channels} * request.height * request.width;
    test::Parameters parameters(7);
    for (std::size_t i = 0; i < count * size; ++i) {
      pictures.push_back(static_cast<float>(std::sin(0.37 * static_cast<double>(i % 9973)) +
                                            0.3 * std::cos(0.011 * static_cast<double>(i))));
    }
    for (std::size_t i = 0; i < count; ++i) {
      const auto first = pictures.begin() + static_cast<std::ptrdiff_t>(i * size);
      const test::Volume picture{architecture.in_channels, request.height, request.width,
                                 std::vector<double>(first, first + static_cast<std::ptrdiff_t>(size))};
      const auto resnet = ResNetConfig::from(architecture);
      const auto logits = resnet ? test::run_resnet(parameters, *resnet, picture)
                                 : test::run_densenet(parameters, *DenseNetConfig::from(architecture), picture);
      expected.insert(expected.end(), logits.begin(), logits.end());
    }
    file = test::safetensors(parameters.tensors());
    bundle.architecture = architecture;
    bundle.input.crop = CropStep{request.height, request.width};
  }

  [[nodiscard]] BatchInput input() const {
    return {pictures.data(), count, request.architecture.in_channels, request.height, request.width, Layout::nchw};
  }
  [[nodiscard]] std::unique_ptr<Quantizable> open() const {
    const WeightsView view{"model.safetensors", "safetensors", "", std::as_bytes(std::span(file))};
    return open_torch_quantizable({bundle, {&view, 1}, "cpu", "fp32", 2, 1, test::libtorch_place()});
  }
  /// Root mean square of the logits' distance from the paper's, over that of the paper's themselves.
  [[nodiscard]] double error(const std::vector<float>& logits) const {
    double noise = 0;
    double signal = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      noise += (logits[i] - expected[i]) * (logits[i] - expected[i]);
      signal += expected[i] * expected[i];
    }
    return std::sqrt(noise / signal);
  }
  /// Of the tensors of an int8 weight file, computed.
  [[nodiscard]] double error_of(std::vector<bundle::StoredTensor> tensors) const {
    return error(logits_of(std::move(tensors), "torch"));
  }
  [[nodiscard]] std::vector<float> logits_of(std::vector<bundle::StoredTensor> tensors, const char* backend) const {
    const auto bytes = bundle::write_safetensors(std::move(tensors));
    test::NetworkRequest int8 = request;
    int8.precision = "int8";
    int8.backend = backend;
    const auto session =
        test::open_network(int8, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    std::vector<float> logits(expected.size(), std::nanf(""));
    session->run(input(), {logits.data(), count, request.architecture.outputs}, not_cancelled);
    return logits;
  }

  static constexpr std::uint32_t count = 2;
  test::NetworkRequest request;
  Bundle bundle;
  std::vector<float> pictures;
  std::vector<double> expected;
  std::string file;
};

/// Watches one run, and chooses for each layer all that was seen.
std::vector<ByteScale> scales_of(Quantizable& network, const Subject& subject) {
  std::vector<ByteScale> scales(network.layers().size());
  std::vector<float> logits(subject.expected.size());
  std::size_t calls = 0;
  network.run(subject.input(), {logits.data(), Subject::count, subject.request.architecture.outputs},
              [&](std::size_t layer, std::span<const float> values) {
                ++calls;
                const auto [low, high] = std::ranges::minmax(values);
                const float bottom = std::min(0.0F, low);
                scales.at(layer).scale = (std::max(0.0F, high) - bottom) / 255;
                scales[layer].zero_point = static_cast<std::uint8_t>(std::nearbyint(-bottom / scales[layer].scale));
              });
  CHECK(calls == scales.size());
  CHECK(subject.error(logits) < 1e-5);  // it computes in float32
  return scales;
}

std::vector<bool> none_of(const Quantizable& network) { return std::vector<bool>(network.units().size(), false); }

TEST_CASE("a network made int8 by the ranges that were seen gives the paper's logits within what bytes leave of them") {
  if (!can_quantize()) return;
  for (const Architecture& architecture : {test::tiny_resnet(), bottleneck_resnet(), test::tiny_densenet()}) {
    CAPTURE(architecture.name);
    const Subject subject(architecture);
    const auto network = subject.open();
    const auto scales = scales_of(*network, subject);
    const double error = subject.error_of(network->quantized(scales, none_of(*network)));
    MESSAGE(architecture.name, ": int8 logits are off by ", error);
    CHECK(error < 0.1);
    CHECK(error > 1e-4);  // or it was not int8
  }
}

TEST_CASE("each unit can be kept in float32 alone, and with all but one kept little is lost") {
  if (!can_quantize()) return;
  for (const Architecture& architecture : {test::tiny_resnet(), bottleneck_resnet(), test::tiny_densenet()}) {
    CAPTURE(architecture.name);
    const Subject subject(architecture);
    const auto network = subject.open();
    const auto scales = scales_of(*network, subject);
    const double with_none = subject.error_of(network->quantized(scales, none_of(*network)));
    double sum_of_squares = 0;
    for (std::size_t unit = 0; unit < network->units().size(); ++unit) {
      CAPTURE(network->units()[unit].name);
      std::vector<bool> kept = none_of(*network);
      kept[unit] = true;
      CHECK(subject.error_of(network->quantized(scales, kept)) < 2 * with_none);
      kept.flip();
      const double alone = subject.error_of(network->quantized(scales, kept));
      CHECK(alone > 1e-5);  // it is int8
      sum_of_squares += alone * alone;
    }
    // Rounding errors of different units are independent, so that together they make the whole error.
    const double together = std::sqrt(sum_of_squares);
    MESSAGE(architecture.name, ": off by ", with_none, ", its units alone together by ", together);
    CHECK(together > with_none / 3);
    CHECK(together < with_none * 3);
  }
}

// Both round the same sums of whole numbers, so they differ by a byte where float32 scales fall on another side of a
// half.
TEST_CASE("the onednn backend gives what the torch backend gives of the same bytes, whatever is kept in float32") {
  if (!can_quantize() || !test::has_onednn()) return;
  for (const Architecture& architecture : {test::tiny_resnet(), bottleneck_resnet(), test::tiny_densenet()}) {
    CAPTURE(architecture.name);
    const Subject subject(architecture);
    const auto network = subject.open();
    const auto scales = scales_of(*network, subject);
    const double of_int8 = subject.error_of(network->quantized(scales, none_of(*network)));
    for (std::size_t unit = 0; unit <= network->units().size(); ++unit) {
      CAPTURE(unit);
      std::vector<bool> kept = none_of(*network);
      if (unit < kept.size()) kept[unit] = true;
      const auto by_torch = subject.logits_of(network->quantized(scales, kept), "torch");
      const auto by_onednn = subject.logits_of(network->quantized(scales, kept), "onednn");
      double noise = 0;
      double signal = 0;
      for (std::size_t i = 0; i < by_torch.size(); ++i) {
        noise += (by_torch[i] - by_onednn[i]) * (by_torch[i] - by_onednn[i]);
        signal += by_torch[i] * by_torch[i];
      }
      CHECK(std::sqrt(noise / signal) < of_int8 / 4);
    }
  }
}

TEST_CASE("units hold the layers that give no bytes when they are kept, each layer in one unit at most") {
  if (!can_quantize()) return;
  const auto network = Subject(test::tiny_densenet()).open();
  CHECK(network->units().size() == 2 + 3 + 2 + 2);
  CHECK(network->units()[0].name == "features.denseblock1.denselayer1");
  CHECK(network->units()[2].name == "features.transition1");
  CHECK(network->layers()[network->units()[2].layers.at(0)] == "features.transition1.norm");
  std::set<std::size_t> seen;
  for (const auto& unit : network->units()) {
    for (const std::size_t layer : unit.layers) {
      CHECK(seen.insert(layer).second);
      CHECK(network->layers().at(layer).starts_with(unit.name));
    }
  }
  CHECK(seen.size() == network->layers().size());

  const auto residual = Subject(test::tiny_resnet()).open();
  REQUIRE(residual->units().size() == 4);
  CHECK(residual->units()[0].name == "layer1.0");
  CHECK(residual->units()[0].layers.size() == 1);
  CHECK(residual->units()[1].name == "layer2.0");
  REQUIRE(residual->units()[1].layers.size() == 2);
  CHECK(residual->layers()[residual->units()[1].layers[1]] == "layer2.0.downsample.0");
}

TEST_CASE("a kept unit stores float weights and no scales, but for the end of a residual block") {
  if (!can_quantize()) return;
  const auto tensors_of = [](const Architecture& architecture, std::size_t unit) {
    const Subject subject(architecture);
    const auto network = subject.open();
    std::vector<bool> kept = none_of(*network);
    kept[unit] = true;
    std::map<std::string, bundle::Dtype> types;
    for (const auto& tensor : network->quantized(scales_of(*network, subject), kept)) types[tensor.name] = tensor.dtype;
    return types;
  };
  auto dense = tensors_of(test::tiny_densenet(), 1);
  const std::string layer = "features.denseblock1.denselayer2.";
  CHECK(dense.at(layer + "conv1.weight") == bundle::Dtype::f32);
  CHECK(dense.at(layer + "conv2.bias") == bundle::Dtype::f32);
  CHECK(dense.contains(layer + "norm1.running_var"));
  for (const char* gone : {"norm1.output_scale", "conv1.output_scale", "conv1.weight_scale", "norm2.weight"}) {
    CHECK_FALSE(dense.contains(layer + gone));
  }
  CHECK(dense.at("features.denseblock1.denselayer1.conv1.weight") == bundle::Dtype::i8);
  auto residual = tensors_of(test::tiny_resnet(), 1);
  CHECK(residual.at("layer2.0.conv1.weight") == bundle::Dtype::f32);
  CHECK(residual.at("layer2.0.downsample.0.weight") == bundle::Dtype::f32);
  CHECK(residual.contains("layer2.0.conv2.output_scale"));
  CHECK_FALSE(residual.contains("layer2.0.conv1.output_scale"));
  CHECK(residual.at("layer1.0.conv1.weight") == bundle::Dtype::i8);
}

TEST_CASE("a unit that is int8 in part is a fault that names both tensors") {
  if (!can_quantize()) return;
  for (const auto& [architecture, first, second] :
       {std::tuple{test::tiny_resnet(), "layer1.0.conv1", "layer1.0.conv2"},
        std::tuple{test::tiny_densenet(), "features.denseblock2.denselayer3.conv1",
                   "features.denseblock2.denselayer3.conv2"}}) {
    const Subject subject(architecture);
    const auto network = subject.open();
    auto tensors = network->quantized(scales_of(*network, subject), none_of(*network));
    const auto damaged = std::ranges::find(tensors, std::string(second) + ".weight", &bundle::StoredTensor::name);
    REQUIRE(damaged != tensors.end());
    const std::vector<float> floats(damaged->bytes.size(), 0.5F);
    *damaged = bundle::StoredTensor::of(damaged->name, damaged->shape, std::span<const float>(floats));
    const Error error = test::error_of([&] { (void)subject.error_of(tensors); });
    CHECK(error.code() == ErrorCode::bundle_invalid);
    CHECK_MESSAGE(contains(error.message(), std::string(second) + ".weight: found type float, but " + first +
                                                ".weight is I8: both are int8 or both are kept in float"),
                  error.message());
  }
}

TEST_CASE("what is missing of a DenseNet's int8 tensors is told by name") {
  if (!can_quantize()) return;
  const Subject subject(test::tiny_densenet());
  const auto network = subject.open();
  const auto tensors = network->quantized(scales_of(*network, subject), none_of(*network));
  for (const char* name :
       {"features.denseblock1.denselayer1.norm1.output_scale",
        "features.denseblock3.denselayer2.conv1.output_zero_point",
        "features.denseblock2.denselayer1.conv2.weight_scale", "features.transition2.norm.output_scale",
        "features.transition1.conv.bias", "features.norm5.running_mean", "features.norm0.weight", "classifier.bias"}) {
    auto fewer = tensors;
    std::erase_if(fewer, [&](const bundle::StoredTensor& tensor) { return tensor.name == name; });
    REQUIRE(fewer.size() + 1 == tensors.size());
    const Error error = test::error_of([&] { (void)subject.error_of(fewer); });
    CHECK(error.code() == ErrorCode::bundle_invalid);
    CHECK_MESSAGE(contains(error.message(), std::string(name) + ": missing"), error.message());
  }
}

}  // namespace
}  // namespace mediscan::backend::torch
