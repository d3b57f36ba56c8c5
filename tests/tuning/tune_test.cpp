// The whole way: with a backend whose speeds are known beforehand, with the mock, and with LibTorch.
#include <mediscan/tune.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <mediscan/analyzer.hpp>
#include <set>

#include "backend/needs_libtorch.hpp"
#include "bundle_folder.hpp"
#include "environment_variable.hpp"
#include "errors.hpp"
#include "libtorch_place.hpp"
#include "paced_backend.hpp"
#include "profile/profile.hpp"

namespace mediscan {
namespace {

using test::contains;
using test::error_of;

const std::filesystem::path root = MEDISCAN_SOURCE_DIR;

test::BundleContent allowing(std::vector<std::string> precisions) {
  test::BundleContent content;
  content.allowed_precisions = std::move(precisions);
  return content;
}

/// A bundle, the paced backend with two threads, and a cache folder of its own. One lane of two threads answers a
/// picture first; two lanes of one thread each do more of them a second; batches of four are worth it, of eight not.
struct Scene {
  explicit Scene(const test::BundleContent& content = {}) : folder(content) {
    paces->of = {{{"fp32", 2}, {24, 6}}, {{"fp32", 1}, {27, 12}}, {{"int8", 2}, {9, 3}}, {{"int8", 1}, {12, 6}}};
    options.backend = "paced";
    options.threads = 2;
    options.max_batch = 4;
    options.seconds = 1;
  }
  [[nodiscard]] TuneReport tuned() const { return tune(folder.path(), options); }
  [[nodiscard]] ModelStatus loaded(const LoadOptions& load) const {
    ManagerOptions manager;
    manager.threads = 2;
    return ModelManager(manager).load(folder.path(), load).status();
  }

  test::TemporaryBundle folder;
  test::TemporaryFolder cache;
  test::EnvironmentVariable place{"XDG_CACHE_HOME", cache.path().string()};
  test::EnvironmentVariable named{"MEDISCAN_PROFILE", std::nullopt};
  std::shared_ptr<test::Paces> paces = test::paced_backend();
  TuneOptions options;
};

bool is(const TuneRow& row, const std::string& precision, int lanes, std::uint32_t batch) {
  const TuneConfiguration& one = row.configuration;
  return one.backend == "paced" && one.device == "stage" && one.precision == precision && one.lanes == lanes &&
         one.threads == 2 / lanes && row.batch_size == batch;
}

LoadOptions all_open() {
  LoadOptions load;
  load.precision = "auto";
  return load;
}

std::ptrdiff_t files_in(const std::filesystem::path& folder) {
  return std::distance(std::filesystem::recursive_directory_iterator(folder), {});
}

}  // namespace

TEST_CASE("what is known to be the fastest is found, for each goal, and every row is what it was paced at") {
  const Scene scene;
  const TuneReport report = scene.tuned();
  REQUIRE(report.rows.size() == 6);  // two splits, three batch sizes
  CHECK(is(report.rows[report.best_latency], "fp32", 1, 4));
  CHECK(is(report.rows[report.best_throughput], "fp32", 2, 4));
  for (const TuneRow& row : report.rows) {
    const test::Pace pace = scene.paces->of[{"fp32", row.configuration.threads}];
    CAPTURE(row.configuration.lanes);
    CAPTURE(row.batch_size);
    CHECK(row.latency_ms >= pace.batch + pace.picture);  // who sleeps may oversleep, and never wakes early
    CHECK(row.pictures_per_second <=
          1000.0 * row.configuration.lanes * row.batch_size / (pace.batch + pace.picture * row.batch_size) + 1e-6);
  }
  CHECK(report.model.name == "tiny");
  CHECK(report.threads == 2);
  CHECK(report.threads_source == "option");
  CHECK(report.rounds >= 1);
  CHECK(report.seconds >= 1);
  CHECK(report.library_version == library_version());
  CHECK_FALSE(report.cpu.empty());
}

TEST_CASE("the profile of a goal is what loads go by that leave everything open") {
  for (const TuneGoal goal : {TuneGoal::latency, TuneGoal::throughput}) {
    Scene scene(allowing({"int8"}));
    scene.paces->precisions = {"int8", "fp32"};
    scene.options.goal = goal;
    const TuneReport report = scene.tuned();
    CHECK(report.profile.parent_path() == scene.cache.path() / "mediscan/tune");
    CHECK(profile::read(report.profile).goal == goal);
    const ModelStatus status = scene.loaded(all_open());
    CHECK(status.execution.backend == "paced");
    CHECK(status.execution.precision == "int8");
    CHECK(status.lanes == (goal == TuneGoal::latency ? 1 : 2));
    CHECK(status.profile == report.profile);
    const ModelStatus exact = scene.loaded({});
    CHECK(exact.execution.precision == "fp32");
    CHECK(exact.lanes == (goal == TuneGoal::latency ? 1 : 2));
  }
}

TEST_CASE("what was analysed with a profile says so in its record") {
  Scene scene;
  scene.options.goal = TuneGoal::throughput;
  scene.options.profile = scene.cache.path() / "mine.json";
  const TuneReport report = scene.tuned();
  CHECK(report.profile == scene.options.profile);
  CHECK(files_in(scene.cache.path()) == 1);
  ManagerOptions two;
  two.threads = 2;
  ModelManager manager(two);
  LoadOptions load;
  load.profile = scene.options.profile.string();
  load.max_batch = 4;
  const Analyzer analyzer(manager.load(scene.folder.path(), load));
  const std::vector<Image> pictures(8, Image::read(scene.folder.path() / "self_test.png"));
  for (const auto& outcome : analyzer.analyze_batch(pictures)) {
    CHECK(outcome.value().execution.profile_reason == "backend paced, 2 lanes of 1 thread from profile mine.json");
  }
}

TEST_CASE("what does not serve is in the report with its reason, and is not tried again on more lanes") {
  Scene scene(allowing({"int8", "bf16"}));
  scene.paces->precisions = {"int8", "fp32"};
  scene.paces->logits_at = {{"int8", {1.5F, 0.5F, -1.0F}}};  // another top class: the gate refuses it
  scene.options.seconds = 0.1;
  const TuneReport report = scene.tuned();
  std::vector<std::pair<std::string, ErrorCode>> refused;
  for (const TuneRefusal& each : report.refused) refused.emplace_back(each.configuration.precision, each.error.code());
  CHECK(refused == std::vector<std::pair<std::string, ErrorCode>>{{"fp16", ErrorCode::precision_unsupported},
                                                                  {"bf16", ErrorCode::precision_unsupported},
                                                                  {"int8", ErrorCode::self_test_failed}});
  CHECK(contains(report.refused[0].error.message(), "allows fp32 and"));
  CHECK(contains(report.refused[1].error.message(), "the stage has no bf16"));
  CHECK(contains(report.refused[2].error.message(), "at int8 and batch size 1 the self-test picture's"));
  CHECK(scene.paces->opened == 4);  // fp32 on one and on two lanes, int8 once
  for (const TuneRow& row : report.rows) CHECK(row.configuration.precision == "fp32");
}

TEST_CASE("a configuration that fails while it is timed is left out of the choice, and told") {
  Scene scene(allowing({"int8"}));
  scene.paces->precisions = {"int8", "fp32"};
  scene.paces->breaks_at = "int8";
  scene.paces->breaks_after = 9;  // what the self-tests of three lanes and three batch sizes take
  scene.options.seconds = 0.1;
  const TuneReport report = scene.tuned();
  for (const TuneRow& row : report.rows) CHECK(row.configuration.precision == "fp32");
  REQUIRE(report.refused.size() == 4);  // bf16, fp16, and int8 on one lane and on two
  CHECK(report.refused[2].error.message() == "the device is gone");
  CHECK(report.refused[3].error.code() == ErrorCode::backend_failed);
}

TEST_CASE("when nothing serves the reason of fp32 is thrown, and no profile is written") {
  Scene scene;
  scene.paces->logits_at = {{"fp32", {9, 9, 9}}};
  CHECK(error_of([&] { (void)scene.tuned(); }).code() == ErrorCode::self_test_failed);
  scene.paces->logits_at.clear();
  scene.paces->precisions = {"int8"};
  CHECK(contains(error_of([&] { (void)scene.tuned(); }).message(), "the stage has no fp32"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(scene.cache.path()))
    CHECK(entry.is_directory());
}

TEST_CASE("a round is made however short the time is, and no second one") {
  Scene scene;
  scene.options.seconds = 0.1;
  const TuneReport report = scene.tuned();
  CHECK(report.rounds == 1);
  CHECK(report.seconds > 0.1);
}

TEST_CASE("without a profile to write nothing is written") {
  Scene scene;
  scene.options.write_profile = false;
  scene.options.seconds = 0.1;
  const TuneReport report = scene.tuned();
  CHECK(report.profile.empty());
  CHECK(files_in(scene.cache.path()) == 0);
}

TEST_CASE("a place that cannot be written is told before anything is loaded") {
  Scene scene;
  const auto refusal = [&](const std::filesystem::path& place) {
    scene.options.profile = place;
    return error_of([&] { (void)scene.tuned(); });
  };
  CHECK(refusal(scene.cache.path() / "no/p.json").code() == ErrorCode::io_error);
  CHECK(refusal(scene.cache.path()).code() == ErrorCode::io_error);
  CHECK(refusal("/proc/p.json").code() == ErrorCode::io_error);
  {
    const test::EnvironmentVariable cache("XDG_CACHE_HOME", std::nullopt);
    const test::EnvironmentVariable home("HOME", std::nullopt);
    CHECK(refusal({}).code() == ErrorCode::invalid_argument);
  }
  CHECK(scene.paces->opened == 0);
}

TEST_CASE("options out of range, a backend nobody has and a fault of the bundle are errors") {
  Scene scene;
  const auto code_with = [&](auto change) {
    TuneOptions options = scene.options;
    change(options);
    return error_of([&] { (void)tune(scene.folder.path(), options); }).code();
  };
  for (const double seconds : {0.0, -1.0, 3601.0, std::nan("")}) {
    CHECK(code_with([&](TuneOptions& o) { o.seconds = seconds; }) == ErrorCode::invalid_argument);
  }
  CHECK(code_with([](TuneOptions& o) { o.max_batch = 0; }) == ErrorCode::invalid_argument);
  CHECK(code_with([](TuneOptions& o) { o.max_batch = 65; }) == ErrorCode::invalid_argument);
  CHECK(code_with([](TuneOptions& o) { o.max_lanes = 0; }) == ErrorCode::invalid_argument);
  CHECK(code_with([](TuneOptions& o) { o.threads = -1; }) == ErrorCode::invalid_argument);
  CHECK(code_with([](TuneOptions& o) { o.backend = "nobody"; }) == ErrorCode::not_found);
  CHECK(error_of([&] { (void)tune("/nowhere", scene.options); }).code() == ErrorCode::not_found);
}

TEST_CASE("progress tells of loading and measuring, and never leaves 0 to 1") {
  Scene scene;
  std::set<std::string> phases;
  scene.options.seconds = 0.1;
  scene.options.progress = [&](std::string_view phase, double done) {
    phases.emplace(phase);
    CHECK(done >= 0);
    CHECK(done <= 1);
  };
  (void)scene.tuned();
  CHECK(phases == std::set<std::string>{"loading", "measuring"});
}

TEST_CASE("the mock is tuned when it is named, and no load takes it that did not name it, too") {
  Scene scene;
  scene.options.backend = "mock";
  scene.options.seconds = 0.1;
  const TuneReport report = scene.tuned();
  for (const TuneRow& row : report.rows) CHECK(row.configuration.simulated);
  LoadOptions load;
  load.backend = "mock";
  CHECK(scene.loaded(load).profile == report.profile);
  load.backend = "paced";
  const ModelStatus real = scene.loaded(load);
  CHECK_FALSE(real.execution.simulated);
  CHECK_FALSE(real.execution.profile_reason.has_value());
  CHECK(real.warnings.empty());
}

TEST_CASE("the demo bundle is tuned on LibTorch, and a load goes by what was found") {
  if (!test::has_libtorch()) return;
  const test::TemporaryFolder folder;
  TuneOptions options;
  options.backend = "torch";
  options.libtorch = test::libtorch_place();
  options.threads = 2;
  options.max_batch = 2;
  options.seconds = 2;
  options.goal = TuneGoal::throughput;
  options.profile = folder.path() / "p.json";
  const TuneReport report = tune(root / "models" / "skin-demo", options);
  CHECK(report.rows.size() >= 4);
  for (const TuneRow& row : report.rows) {
    CHECK(row.configuration.backend == "torch");
    CHECK(row.latency_ms > 0);
    CHECK(row.pictures_per_second > 0);
  }
  CHECK(std::ranges::any_of(report.refused, [](const TuneRefusal& each) {
    return each.configuration.precision == "fp16" && each.error.code() == ErrorCode::precision_unsupported;
  }));
  ManagerOptions manager_options;
  manager_options.libtorch = test::libtorch_place();
  manager_options.threads = 2;
  ModelManager manager(manager_options);
  LoadOptions load;
  load.precision = "auto";
  load.profile = options.profile.string();
  const ModelStatus status = manager.load(root / "models" / "skin-demo", load).status();
  const TuneConfiguration& best = report.rows[report.best_throughput].configuration;
  CHECK(status.execution.precision == best.precision);
  CHECK(status.lanes == best.lanes);
  CHECK(status.profile == options.profile);
  CHECK(status.self_test.run);
}

}  // namespace mediscan
