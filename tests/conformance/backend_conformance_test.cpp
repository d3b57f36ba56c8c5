// What every backend must do, run over each one that can open the demo bundles: the built-in ones here, yours by adding
// it to `contenders`. A backend that this machine cannot run is skipped with its reason.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <mediscan/backend.hpp>
#include <thread>

#include "backend/builtin.hpp"
#include "bundle/weights.hpp"
#include "errors.hpp"
#include "libtorch_place.hpp"
#include "needs_onednn.hpp"

namespace mediscan {
namespace {

using test::error_of;

constexpr int max_batch = 4;
const std::atomic<bool> not_cancelled{false};

/// A backend, a bundle it opens, and pictures for it.
class Stage {
 public:
  Stage(std::shared_ptr<Backend> backend, const char* bundle)
      : backend_(std::move(backend)),
        bundle_(Bundle::read(std::string(MEDISCAN_SOURCE_DIR) + "/models/" + bundle)),
        weights_(bundle::LoadedWeights::read(bundle_)) {
    std::tie(height_, width_) = bundle_.input_size();
  }

  [[nodiscard]] std::unique_ptr<Session> open(const std::string& device = "auto",
                                              const std::string& precision = "fp32") const {
    return backend_->open({bundle_, weights_.views(), device, precision, 1, max_batch, test::libtorch_place()});
  }
  [[nodiscard]] const Backend& backend() const { return *backend_; }
  [[nodiscard]] std::uint32_t outputs() const { return bundle_.architecture.outputs; }
  [[nodiscard]] std::size_t picture_size() const { return std::size_t{channels()} * height_ * width_; }
  [[nodiscard]] std::uint32_t channels() const { return bundle_.architecture.in_channels; }

  /// Smooth pictures in NCHW, each of another frequency, over the range that the recipe gives.
  [[nodiscard]] std::vector<float> pictures(std::uint32_t count) const {
    const float amplitude = bundle_.input.scale == Scale::xrv ? 1024.0F : 2.0F;
    std::vector<float> values(picture_size() * count);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto picture = static_cast<double>(i / picture_size() + 1);
      values[i] = amplitude * static_cast<float>(std::sin(static_cast<double>(i % picture_size()) * 0.0137 * picture));
    }
    return values;
  }
  [[nodiscard]] std::vector<float> as_nhwc(const std::vector<float>& nchw) const {
    std::vector<float> nhwc(nchw.size());
    const std::size_t plane = std::size_t{height_} * width_;
    for (std::size_t i = 0; i < nchw.size(); ++i) {
      const std::size_t picture = i / picture_size();
      const std::size_t channel = i % picture_size() / plane;
      nhwc[picture * picture_size() + (i % plane) * channels() + channel] = nchw[i];
    }
    return nhwc;
  }
  [[nodiscard]] BatchInput input(const std::vector<float>& values, std::uint32_t batch,
                                 Layout layout = Layout::nchw) const {
    return {values.data(), batch, channels(), height_, width_, layout};
  }
  std::vector<float> run(Session& session, const std::vector<float>& values, std::uint32_t batch,
                         Layout layout = Layout::nchw) const {
    std::vector<float> logits(std::size_t{batch} * outputs(), std::nanf(""));
    session.run(input(values, batch, layout), {logits.data(), batch, outputs()}, not_cancelled);
    return logits;
  }

 private:
  std::shared_ptr<Backend> backend_;
  Bundle bundle_;
  bundle::LoadedWeights weights_;
  std::uint32_t height_ = 0;
  std::uint32_t width_ = 0;
};

std::vector<std::shared_ptr<Backend>> contenders() {
  test::use_installed_onednn();
  return {backend::make_mock_backend(), backend::make_torch_backend(), backend::make_onednn_backend()};
}

/// Runs `check` for every backend that works here, with both demo bundles.
template <class Check>
void for_each_backend(Check&& check) {
  for (const auto& backend : contenders()) {
    const BackendInfo info = backend->probe(test::libtorch_place());
    if (!info.available) {
      std::printf("MEDISCAN_SKIP: backend %s is not available: %s\n", info.name.c_str(), info.reason.c_str());
      continue;
    }
    for (const char* bundle : {"skin-demo", "chest-demo"}) {
      CAPTURE(info.name);
      CAPTURE(bundle);
      check(Stage(backend, bundle));
    }
  }
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  return largest;
}

/// Different batch sizes may sum in another order; the logits of the demo networks are of the order of 10.
constexpr double summation_tolerance = 1e-4;

TEST_CASE("conformance: probing agrees with the backend itself") {
  for (const auto& backend : contenders()) {
    const BackendInfo info = backend->probe(test::libtorch_place());
    CHECK(info.name == backend->name());
    CHECK(info.simulated == backend->simulated());
    CHECK(info.available == info.reason.empty());
    const bool a_device_is_usable =
        std::any_of(info.devices.begin(), info.devices.end(), [](const auto& d) { return d.usable; });
    CHECK(info.available == a_device_is_usable);
    CHECK(info.version.empty() != info.available);
  }
}

TEST_CASE("conformance: the same pictures give the same logits, all of them finite") {
  for_each_backend([](const Stage& stage) {
    const auto session = stage.open();
    const auto pictures = stage.pictures(max_batch);
    const auto first = stage.run(*session, pictures, max_batch);
    CHECK(std::all_of(first.begin(), first.end(), [](float v) { return std::isfinite(v); }));
    CHECK(stage.run(*session, pictures, max_batch) == first);
    CHECK(largest_difference(stage.run(*stage.open(), pictures, max_batch), first) == 0);
  });
}

TEST_CASE("conformance: a picture's logits do not depend on its neighbours or on the batch size") {
  for_each_backend([](const Stage& stage) {
    const auto session = stage.open();
    const auto pictures = stage.pictures(max_batch);
    const auto together = stage.run(*session, pictures, max_batch);
    for (std::uint32_t batch : {1U, 2U, 3U}) {
      const auto fewer = stage.run(*session, pictures, batch);
      const std::vector<float> rows(together.begin(), together.begin() + static_cast<std::ptrdiff_t>(fewer.size()));
      CHECK(largest_difference(fewer, rows) < summation_tolerance);
    }
    CHECK(largest_difference({together.begin(), together.begin() + stage.outputs()},
                             {together.begin() + stage.outputs(), together.begin() + 2 * stage.outputs()}) > 0);
  });
}

TEST_CASE("conformance: both layouts of the same pictures give the same logits") {
  for_each_backend([](const Stage& stage) {
    if (stage.backend().simulated()) return;  // it hashes the memory, so the layout is part of its picture
    const auto session = stage.open();
    const auto pictures = stage.pictures(2);
    const auto nchw = stage.run(*session, pictures, 2);
    const auto nhwc = stage.run(*session, stage.as_nhwc(pictures), 2, Layout::nhwc);
    CHECK(largest_difference(nchw, nhwc) < summation_tolerance);
  });
}

TEST_CASE("conformance: batches that do not fit are INVALID_ARGUMENT, and the session serves on") {
  for_each_backend([](const Stage& stage) {
    const auto session = stage.open();
    const auto pictures = stage.pictures(max_batch + 1);
    std::vector<float> logits(std::size_t{max_batch + 1} * (stage.outputs() + 1));
    const auto code_of = [&](const BatchInput& input, const BatchOutput& output) {
      return error_of([&] { session->run(input, output, not_cancelled); }).code();
    };
    const BatchInput good = stage.input(pictures, 1);
    const std::uint32_t outputs = stage.outputs();
    BatchInput bad = good;
    bad.channels = good.channels + 1;
    CHECK(code_of(bad, {logits.data(), 1, outputs}) == ErrorCode::invalid_argument);
    bad = good;
    bad.batch = 0;
    CHECK(code_of(bad, {logits.data(), 0, outputs}) == ErrorCode::invalid_argument);
    CHECK(code_of(stage.input(pictures, max_batch + 1), {logits.data(), max_batch + 1, outputs}) ==
          ErrorCode::invalid_argument);
    CHECK(code_of(good, {logits.data(), 2, outputs}) == ErrorCode::invalid_argument);
    CHECK(code_of(good, {logits.data(), 1, outputs + 1}) == ErrorCode::invalid_argument);
    CHECK(code_of(good, {nullptr, 1, outputs}) == ErrorCode::invalid_argument);
    bad = good;
    bad.data = nullptr;
    CHECK(code_of(bad, {logits.data(), 1, outputs}) == ErrorCode::invalid_argument);
    bad = good;
    bad.height = 0;
    CHECK(code_of(bad, {logits.data(), 1, outputs}) == ErrorCode::invalid_argument);
    CHECK(std::isfinite(stage.run(*session, pictures, 1).front()));
  });
}

TEST_CASE("conformance: a cancelled batch ends in CANCELLED") {
  for_each_backend([](const Stage& stage) {
    const auto session = stage.open();
    const auto pictures = stage.pictures(1);
    std::vector<float> logits(stage.outputs());
    const std::atomic<bool> cancelled{true};
    const Error error = error_of([&] {
      session->run(stage.input(pictures, 1), {logits.data(), 1, stage.outputs()}, cancelled);
    });
    CHECK(error.code() == ErrorCode::cancelled);
    CHECK(std::isfinite(stage.run(*session, pictures, 1).front()));
  });
}

TEST_CASE("conformance: a device or precision that is not there is refused by name, never replaced") {
  for_each_backend([](const Stage& stage) {
    const Error device = error_of([&] { (void)stage.open("abacus"); });
    CHECK(device.code() == ErrorCode::backend_unavailable);
    CHECK(test::contains(device.message(), "abacus"));
    const Error precision = error_of([&] { (void)stage.open("auto", "fp4"); });
    CHECK(precision.code() == ErrorCode::precision_unsupported);
    CHECK(test::contains(precision.message(), "fp4"));
    const auto session = stage.open("cpu");
    CHECK(session->device() == "cpu");
    CHECK(session->precision() == "fp32");
  });
}

TEST_CASE("conformance: two sessions work side by side on two threads") {
  for_each_backend([](const Stage& stage) {
    const auto pictures = stage.pictures(1);
    std::vector<float> expected;
    std::thread([&] { expected = stage.run(*stage.open(), pictures, 1); }).join();
    std::vector<std::vector<float>> got(2);
    std::vector<std::thread> lanes;
    for (std::size_t lane = 0; lane < 2; ++lane) {
      lanes.emplace_back([&, lane] {
        const auto session = stage.open();
        for (int i = 0; i < 5; ++i) got[lane] = stage.run(*session, pictures, 1);
      });
    }
    for (auto& lane : lanes) lane.join();
    CHECK(got[0] == expected);
    CHECK(got[1] == expected);
  });
}

}  // namespace
}  // namespace mediscan
