// The whole way, with the demo bundles and pictures: needs LibTorch and a CPU with int8.
#include <mediscan/quantize.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mediscan/analyzer.hpp>
#include <set>
#include <string>
#include <vector>

#include "backend/needs_libtorch.hpp"
#include "backend/cpu.hpp"
#include "bundle/safetensors.hpp"
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
  const Error error =
      error_of([&] { (void)quantize(root / "models" / "skin-demo", folder.path() / "q", pictures("skin-"), bad); });
  CHECK(error.code() == ErrorCode::self_test_failed);
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("what cannot be quantised is refused with the reason") {
  if (!can_quantize()) return;
  const test::TemporaryFolder folder;
  const Error dense = error_of(
      [&] { (void)quantize(root / "models" / "chest-demo", folder.path() / "q", pictures("chest-"), options()); });
  CHECK(dense.code() == ErrorCode::unsupported);
  CHECK(contains(dense.hint(), "ResNets"));
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
