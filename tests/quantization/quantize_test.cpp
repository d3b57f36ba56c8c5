// The whole way, with the demo bundles and pictures: needs LibTorch and a CPU with int8.
#include <mediscan/quantize.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mediscan/analyzer.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "backend/cpu.hpp"
#include "backend/needs_libtorch.hpp"
#include "base/hash.hpp"
#include "bundle/safetensors.hpp"
#include "bundle/safetensors_writer.hpp"
#include "bundle/weights.hpp"
#include "bundle_folder.hpp"
#include "errors.hpp"
#include "libtorch_place.hpp"
#include "temporary_folder.hpp"

namespace mediscan {
namespace {

using test::contains;
using test::error_of;

const std::filesystem::path root = MEDISCAN_SOURCE_DIR;

bool can_quantize() {
  if (!test::has_libtorch()) return false;
  if (!backend::this_cpu().avx2) std::printf("MEDISCAN_SKIP: this CPU has no int8\n");
  return backend::this_cpu().avx2;
}

/// The pictures of examples/images whose names begin so.
std::vector<std::filesystem::path> pictures(const std::string& prefix) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(root / "examples" / "images")) {
    if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  }
  return found;
}

QuantizeOptions options(Calibration calibration = Calibration::mse) {
  QuantizeOptions options;
  options.calibration = calibration;
  options.libtorch = test::libtorch_place();
  options.threads = 2;
  return options;
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return {names.begin(), names.end()};
}

}  // namespace

TEST_CASE("a quantised bundle is smaller, loads in int8 with auto, and decides as the one it came from") {
  if (!can_quantize()) return;
  const test::TemporaryFolder folder;
  const auto destination = folder.path() / "skin-int8";
  std::set<std::string> phases;
  QuantizeOptions chosen = options();
  chosen.progress = [&](std::string_view phase, double done) {
    phases.emplace(phase);
    CHECK(done >= 0);
    CHECK(done <= 1);
  };
  const auto skin = pictures("skin-");
  REQUIRE(skin.size() >= 3);
  const QuantizeReport report = quantize(root / "models" / "skin-demo", destination, skin, chosen);
  CHECK(names_in(folder.path()) == std::vector<std::string>{"skin-int8"});
  CHECK(report.directory == destination);
  CHECK(report.agreement.pictures == skin.size());
  CHECK(report.agreement.same_decisions == skin.size());
  CHECK(report.agreement.decisions == skin.size());
  CHECK(report.agreement.decided_alike == skin.size());
  CHECK(report.agreement.mean_difference <= report.agreement.largest_difference);
  CHECK(report.weight_bytes < report.source_weight_bytes * 35 / 100);
  CHECK(report.weight_bytes == std::filesystem::file_size(destination / "model.safetensors"));
  CHECK(report.self_test.run);
  CHECK(report.self_test.tolerance == 0.02);
  CHECK(report.model.version == report.source.version + "+int8");
  CHECK(report.model.sha256 != report.source.sha256);
  CHECK(report.unused.empty());
  CHECK(report.layers.front().name == "conv1");
  for (const QuantizedLayer& layer : report.layers) {
    CAPTURE(layer.name);
    CHECK(layer.from <= 0);
    CHECK(layer.to > 0);
    CHECK(layer.sqnr_db > 20);
  }
  CHECK(phases == std::set<std::string>{"looking for ranges", "counting", "comparing with fp32"});

  ManagerOptions manager_options;
  manager_options.libtorch = test::libtorch_place();
  ModelManager manager(manager_options);
  LoadOptions load;
  load.precision = "auto";
  const Model model = manager.load(destination, load);
  CHECK(model.status().execution.precision == "int8");
  CHECK(Analyzer(model).analyze(Image::read(skin.front())).execution.precision == "int8");
}

TEST_CASE("a DenseNet is quantised as a ResNet is") {
  if (!can_quantize()) return;
  const test::TemporaryFolder folder;
  const auto chest = pictures("chest-");
  REQUIRE(chest.size() >= 3);
  const QuantizeReport report =
      quantize(root / "models" / "chest-demo", folder.path() / "chest-int8", chest, options());
  CHECK(report.agreement.decisions == 18 * chest.size());
  CHECK(report.agreement.decided_alike == report.agreement.decisions);
  CHECK(report.kept.empty());
  CHECK(report.kept_because.empty());
  CHECK(report.self_test.run);
  CHECK(report.weight_bytes < report.source_weight_bytes * 35 / 100);
  CHECK(report.layers.size() == 2 * (2 + 3 + 6 + 6) + 3);
  CHECK(report.layers.front().name == "features.denseblock1.denselayer1.norm1");
  for (const QuantizedLayer& layer : report.layers) {
    CAPTURE(layer.name);
    CHECK(layer.from == 0);  // each is behind a ReLU
    CHECK(layer.sqnr_db > 20);
  }
  ManagerOptions manager_options;
  manager_options.libtorch = test::libtorch_place();
  ModelManager manager(manager_options);
  LoadOptions load;
  load.precision = "auto";
  CHECK(manager.load(folder.path() / "chest-int8", load).status().execution.precision == "int8");
}

TEST_CASE("every method makes a bundle, and what the bytes stand for covers what was seen as the method says") {
  if (!can_quantize()) return;
  const test::TemporaryFolder folder;
  const auto skin = pictures("skin-");
  for (const Calibration each : {Calibration::min_max, Calibration::percentile, Calibration::entropy}) {
    const std::string name(name_of(each));
    CAPTURE(name);
    const QuantizeReport report = quantize(root / "models" / "skin-demo", folder.path() / name, skin, options(each));
    for (const QuantizedLayer& layer : report.layers) {
      const double step = (layer.to - layer.from) / 255;
      CHECK(layer.to <= layer.highest + step);
      CHECK(layer.from >= layer.lowest - step);
      if (each == Calibration::min_max) CHECK(layer.to >= layer.highest - step);
    }
    CHECK(contains(to_json(report), "\"calibration\":\"" + name + "\""));
  }
}

TEST_CASE("weights are whole numbers times their scale, and the nearest ones") {
  if (!can_quantize()) return;
  const test::TemporaryFolder folder;
  (void)quantize(root / "models" / "skin-demo", folder.path() / "q", pictures("skin-"), options());
  const auto loaded = bundle::LoadedWeights::read(Bundle::read(folder.path() / "q"));
  const auto file = bundle::Safetensors::parse(loaded.views().front().bytes, "model.safetensors");
  std::size_t convolutions = 0;
  for (const bundle::TensorEntry& tensor : file.tensors()) {
    if (tensor.dtype != bundle::Dtype::i8) continue;
    ++convolutions;
    const std::size_t per_output = tensor.bytes.size() / static_cast<std::size_t>(tensor.shape.front());
    for (std::size_t o = 0; o < tensor.bytes.size(); o += per_output) {
      int largest = 0;
      for (const std::byte byte : tensor.bytes.subspan(o, per_output)) {
        largest = std::max(largest, std::abs(int{static_cast<std::int8_t>(byte)}));
      }
      CHECK(largest == 127);
    }
    CHECK(file.find(tensor.name + "_scale") != nullptr);
  }
  CHECK(convolutions > 5);
}

TEST_CASE("pictures that cannot be used are left out and reported, the rest goes on") {
  if (!can_quantize()) return;
  const test::TemporaryFolder folder;
  test::write_file(folder.path() / "no.jpg", "this is no picture");
  auto named = pictures("skin-");
  const std::size_t good = named.size();
  named.insert(named.begin(), folder.path() / "no.jpg");
  named.push_back(folder.path() / "missing.png");
  const QuantizeReport report = quantize(root / "models" / "skin-demo", folder.path() / "q", named, options());
  CHECK(report.agreement.pictures == good);
  REQUIRE(report.unused.size() == 2);
  CHECK(report.unused[0].error.code() == ErrorCode::unsupported_format);
  CHECK(report.unused[1].error.code() == ErrorCode::io_error);
  CHECK(contains(to_json(report), "no.jpg"));
}

TEST_CASE("without one picture that can be used the first one's error is thrown") {
  if (!can_quantize()) return;
  const test::TemporaryFolder folder;
  test::write_file(folder.path() / "no.jpg", "this is no picture");
  const std::vector<std::filesystem::path> none = {folder.path() / "no.jpg"};
  const auto attempt = [&](std::span<const std::filesystem::path> named) {
    return error_of([&] { (void)quantize(root / "models" / "skin-demo", folder.path() / "q", named, options()); });
  };
  CHECK(attempt(none).code() == ErrorCode::unsupported_format);
  CHECK(attempt({}).code() == ErrorCode::invalid_argument);
  CHECK(names_in(folder.path()) == std::vector<std::string>{"no.jpg"});
}

TEST_CASE("badly calibrated weights are refused, and nothing is left behind") {
  if (!can_quantize()) return;
  const test::TemporaryFolder folder;
  QuantizeOptions bad = options(Calibration::percentile);
  bad.percentile = 50.1;
  bad.keep_higher = 0;
  const Error error =
      error_of([&] { (void)quantize(root / "models" / "skin-demo", folder.path() / "q", pictures("skin-"), bad); });
  CHECK(error.code() == ErrorCode::self_test_failed);
  CHECK(names_in(folder.path()).empty());
}

/// A demo bundle that computes what it computed, but for int8: one channel between two convolutions of a unit is a
/// thousand times as large, and its weights in the second one a thousand times as small, so that what bytes can tell
/// apart there is taken up by that channel alone.
std::filesystem::path with_outlier(const std::filesystem::path& folder, const std::string& demo,
                                   const std::string& norm, const std::string& next_conv) {
  constexpr float factor = 1000;
  constexpr std::size_t channel = 1;
  const auto original = root / "models" / demo;
  const auto place = folder / "outlier";
  std::filesystem::copy(original, place);
  std::vector<bundle::StoredTensor> tensors;
  {
    const auto loaded = bundle::LoadedWeights::read(Bundle::read(original));
    const auto file = bundle::Safetensors::parse(loaded.views().front().bytes, "model.safetensors");
    for (const bundle::TensorEntry& tensor : file.tensors()) {
      bundle::StoredTensor& stored = tensors.emplace_back();
      stored = {std::string(tensor.name), tensor.dtype, tensor.shape, {tensor.bytes.begin(), tensor.bytes.end()}};
      if (tensor.dtype != bundle::Dtype::f32) continue;
      std::vector<float> values(tensor.bytes.size() / sizeof(float));
      if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
      if (tensor.name == norm + ".weight" || tensor.name == norm + ".bias") values.at(channel) *= factor;
      if (tensor.name == next_conv + ".weight") {
        const auto inputs = static_cast<std::size_t>(tensor.shape[1]);
        const auto taps = static_cast<std::size_t>(tensor.shape[2] * tensor.shape[3]);
        for (std::size_t i = 0; i < values.size(); ++i) {
          if (i / taps % inputs == channel) values[i] /= factor;
        }
      }
      std::memcpy(stored.bytes.data(), values.data(), stored.bytes.size());
    }
  }
  const auto weights = bundle::write_safetensors(std::move(tensors));
  test::write_file(place / "model.safetensors",
                   std::string(reinterpret_cast<const char*>(weights.data()), weights.size()));
  std::ifstream in(place / "mediscan.json");
  auto manifest = nlohmann::ordered_json::parse(in);
  manifest["weights"][0]["sha256"] = base::sha256_hex(weights);
  test::write_file(place / "mediscan.json", manifest.dump());
  return place;
}

TEST_CASE("a unit that int8 ruins is found and kept in float32, alone, and the record says why") {
  if (!can_quantize()) return;
  struct Case {
    const char* demo;
    const char* prefix;  // of its pictures
    const char* unit;
    const char* norm;
    const char* next_conv;
  };
  for (const Case& each : {Case{"skin-demo", "skin-", "layer2.0", ".bn1", ".conv2"},
                           Case{"chest-demo", "chest-", "features.denseblock2.denselayer1", ".norm2", ".conv2"}}) {
    CAPTURE(each.demo);
    const test::TemporaryFolder folder;
    const std::string unit = each.unit;
    const auto source = with_outlier(folder.path(), each.demo, unit + each.norm, unit + each.next_conv);
    const auto seen = pictures(each.prefix);

    QuantizeOptions none = options();
    none.keep_higher = 0;
    const Error refused = error_of([&] { (void)quantize(source, folder.path() / "none", seen, none); });
    CHECK(refused.code() == ErrorCode::self_test_failed);
    CHECK_FALSE(std::filesystem::exists(folder.path() / "none"));

    const QuantizeReport report = quantize(source, folder.path() / "auto", seen, options());
    REQUIRE(report.kept.size() == 1);
    CHECK(report.kept[0].name == unit);
    CHECK(report.kept[0].logit_error > 0);
    CHECK(report.kept_because == refused.message());
    CHECK(report.agreement.same_decisions == seen.size());
    for (const QuantizedLayer& layer : report.layers) CHECK(layer.name != unit + ".conv1");
    const std::string json = to_json(report);
    CHECK(contains(json, "\"kept_higher\":{\"count\":1,\"of\":" + std::to_string(report.units)));
    CHECK(contains(json, unit));
    std::ifstream in(folder.path() / "auto" / "mediscan.json");
    CHECK(nlohmann::json::parse(in)["x-mediscan-quantization"]["kept_higher"] == nlohmann::json::array({unit}));

    QuantizeOptions one = options();
    one.keep_higher = 1;
    const QuantizeReport asked = quantize(source, folder.path() / "one", seen, one);
    CHECK(asked.model.sha256 == report.model.sha256);
    CHECK(asked.kept_because.empty());
  }
}

TEST_CASE("as many units as asked for are kept, the worst first, and each makes the file larger") {
  if (!can_quantize()) return;
  const test::TemporaryFolder folder;
  QuantizeOptions chosen = options();
  std::set<std::string> phases;
  chosen.progress = [&](std::string_view phase, double) { phases.emplace(phase); };
  const auto quantized = [&](std::uint32_t count) {
    chosen.keep_higher = count;
    return quantize(root / "models" / "chest-demo", folder.path() / std::to_string(count), pictures("chest-"), chosen);
  };
  const QuantizeReport none = quantized(0);
  CHECK(phases.count("looking for sensitive layers") == 0);
  const QuantizeReport three = quantized(3);
  CHECK(phases.count("looking for sensitive layers") == 1);
  CHECK(none.kept.empty());
  CHECK(none.units == 2 + 3 + 6 + 6 + 3);
  REQUIRE(three.kept.size() == 3);
  CHECK(std::ranges::is_sorted(three.kept, std::ranges::greater{}, &KeptUnit::logit_error));
  CHECK(three.layers.size() < none.layers.size());
  CHECK(three.weight_bytes > none.weight_bytes);
}

TEST_CASE("all units cannot be kept, since nothing would be int8") {
  if (!can_quantize()) return;
  const test::TemporaryFolder folder;
  QuantizeOptions all = options();
  all.keep_higher = 20;
  const Error error =
      error_of([&] { (void)quantize(root / "models" / "chest-demo", folder.path() / "q", pictures("chest-"), all); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK(contains(error.message(), "keep_higher is 20, expected fewer than the 20 units"));
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("a network that no half of its units saves is refused, and it says so") {
  if (!can_quantize()) return;
  const test::TemporaryFolder folder;
  QuantizeOptions strict = options();
  strict.probability_tolerance = 1e-9;
  const Error error = error_of(
      [&] { (void)quantize(root / "models" / "chest-demo", folder.path() / "q", pictures("chest-"), strict); });
  CHECK(error.code() == ErrorCode::self_test_failed);
  CHECK(contains(error.message(), "with the 10 most sensitive of 20 units kept in float32 either"));
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("what cannot be quantised is refused with the reason") {
  if (!can_quantize()) return;
  const test::TemporaryFolder folder;
  const auto once = folder.path() / "once";
  (void)quantize(root / "models" / "skin-demo", once, pictures("skin-"), options());
  const Error twice = error_of([&] { (void)quantize(once, folder.path() / "q", pictures("skin-"), options()); });
  CHECK(twice.code() == ErrorCode::unsupported);
  CHECK(contains(twice.message(), "quantised already"));
  CHECK(error_of([&] { (void)quantize(root / "models" / "skin-demo", once, pictures("skin-"), options()); }).code() ==
        ErrorCode::invalid_argument);
  CHECK(names_in(folder.path()) == std::vector<std::string>{"once"});
}

TEST_CASE("options out of range are refused by name, before anything is read") {
  const auto refused = [](auto set) {
    QuantizeOptions wrong;
    set(wrong);
    const Error error = error_of([&] { (void)quantize("nowhere", "nowhere/either", {}, wrong); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    return error.message();
  };
  for (const double value : {50.0, 100.1, std::nan("")}) {
    CHECK(contains(refused([&](QuantizeOptions& wrong) { wrong.percentile = value; }), "percentile"));
  }
  for (const double value : {0.0, 0.6, -1.0}) {
    CHECK(contains(refused([&](QuantizeOptions& wrong) { wrong.probability_tolerance = value; }), "tolerance"));
  }
  for (const double value : {-0.1, 1.1}) {
    CHECK(contains(refused([&](QuantizeOptions& wrong) { wrong.min_agreement = value; }), "min_agreement"));
  }
}

TEST_CASE("a bundle that is not there is NOT_FOUND") {
  const test::TemporaryFolder folder;
  CHECK(error_of([&] { (void)quantize(folder.path() / "none", folder.path() / "q", {}, {}); }).code() ==
        ErrorCode::not_found);
}

}  // namespace mediscan
