#include "model/profile_choice.hpp"

#include <doctest/doctest.h>

#include <mediscan/model_manager.hpp>
#include <vector>

#include "bundle_folder.hpp"
#include "environment_variable.hpp"
#include "errors.hpp"
#include "profile/place.hpp"
#include "profile/profile.hpp"
#include "scripted_backend.hpp"

namespace mediscan::model {
namespace {

using test::contains;

/// A bundle that allows int8, a backend that has it, and a profile in which two lanes at int8 are the fastest.
struct Scene {
  explicit Scene(const test::BundleContent& content = allowing_int8()) : folder(content) {
    script->precisions = {"int8", "fp32"};
    profile.identity = profile::identity_here(bundle, 2);
    profile.model = "tiny 1.0.0";
    profile.made = "today";
    profile.goal = TuneGoal::throughput;
    for (const std::string precision : {"fp32", "int8"}) {
      for (const int lanes : {1, 2}) {
        for (const std::uint32_t batch : {1U, 2U, 4U, 8U}) {
          const double rate = (precision == "int8" ? 100.0 : 50.0) * lanes + (batch == 4 ? 20 : 0);
          profile.measured.push_back(
              {"profiled", "7.8.9", false, "stage", precision, lanes, 2 / lanes, batch, 10.0 * lanes, rate});
        }
      }
    }
  }
  static test::BundleContent allowing_int8() {
    test::BundleContent content;
    content.allowed_precisions = {"int8"};
    return content;
  }
  void write() const {
    const auto file = profile::default_file(bundle.name, profile.identity).value();
    std::filesystem::create_directories(file.parent_path());
    test::write_file(file, profile::to_text(profile));
  }
  [[nodiscard]] ModelStatus load(const LoadOptions& options) {
    ManagerOptions manager_options;
    manager_options.threads = 2;
    manager_options.log = [this](LogLevel level, std::string_view message) {
      if (level == LogLevel::warning) warned.emplace_back(message);
    };
    ModelManager manager(manager_options);
    return manager.load(folder.path(), options).status();
  }

  test::TemporaryBundle folder;
  test::TemporaryFolder cache;
  test::EnvironmentVariable place{"XDG_CACHE_HOME", cache.path().string()};
  test::EnvironmentVariable named{"MEDISCAN_PROFILE", std::nullopt};
  std::shared_ptr<test::Script> script = test::scripted_backend("profiled");
  Bundle bundle = Bundle::read(folder.path());
  profile::Profile profile;
  std::vector<std::string> warned;
};

LoadOptions all_open() {
  LoadOptions options;
  options.precision = "auto";
  return options;
}

}  // namespace

TEST_CASE("a load that leaves all open goes by the profile, and says so") {
  Scene scene;
  scene.write();
  const ModelStatus status = scene.load(all_open());
  CHECK(status.execution.backend == "profiled");
  CHECK(status.execution.precision == "int8");
  CHECK(status.lanes == 2);
  CHECK(status.threads == 1);
  CHECK(status.execution.batch_size == 4);
  CHECK(scene.script->opened == 2);
  const std::string file = profile::default_file(scene.bundle.name, scene.profile.identity)->filename().string();
  CHECK(status.execution.profile_reason ==
        "backend profiled, precision int8, 2 lanes of 1 thread, batches of up to 4 from profile " + file);
  CHECK(status.profile.filename() == file);
  CHECK(status.profile.is_absolute());
  CHECK(status.warnings.empty());
  CHECK(scene.warned.empty());
}

TEST_CASE("what the caller settled stays, and the rest is chosen for it") {
  Scene scene;
  scene.write();
  const ModelStatus fp32 = scene.load({});  // precision fp32 is the default and no "auto"
  CHECK(fp32.execution.precision == "fp32");
  CHECK(fp32.lanes == 2);
  CHECK(contains(*fp32.execution.profile_reason, "backend profiled, 2 lanes of 1 thread"));

  LoadOptions options = all_open();
  options.lanes = 1;
  options.max_batch = 2;
  options.backend = "profiled";
  const ModelStatus settled = scene.load(options);
  CHECK(settled.lanes == 1);
  CHECK(settled.threads == 2);
  CHECK(settled.execution.batch_size == 1);  // of batches up to 2 those of one are as fast, and smaller
  CHECK(settled.execution.profile_reason->starts_with("precision int8, batches of up to 1 from"));

  options.precision = "fp32";
  const ModelStatus nothing = scene.load(options);
  CHECK_FALSE(nothing.execution.profile_reason.has_value());
  CHECK(nothing.profile.empty());
}

TEST_CASE("a largest batch that was not measured is not made smaller") {
  Scene scene;
  scene.write();
  LoadOptions options = all_open();
  options.max_batch = 16;
  CHECK(scene.load(options).execution.batch_size == 16);
}

TEST_CASE("a batch-invariant model keeps to batches of one, and goes by what those measured") {
  Scene scene;
  scene.write();
  LoadOptions options = all_open();
  options.batch_invariant = true;
  const ModelStatus status = scene.load(options);
  CHECK(status.lanes == 2);
  CHECK(status.execution.batch_size == 1);
}

TEST_CASE("profile off loads as if there were none") {
  Scene scene;
  scene.write();
  LoadOptions options = all_open();
  options.profile = "off";
  options.backend = "profiled";
  const ModelStatus status = scene.load(options);
  CHECK(status.lanes == 1);
  CHECK(status.execution.batch_size == 8);
  CHECK_FALSE(status.execution.profile_reason.has_value());
}

TEST_CASE("a profile never brings a precision that the bundle does not allow") {
  Scene scene{test::BundleContent{}};
  scene.write();
  const ModelStatus status = scene.load(all_open());
  CHECK(status.execution.precision == "fp32");
  CHECK(status.lanes == 2);
}

TEST_CASE("a profile that does not fit is left alone with a warning, in the status and in the log") {
  Scene scene;
  scene.write();
  const auto file = scene.cache.path() / "other.json";
  scene.profile.identity.cpu = "Another CPU";
  test::write_file(file, profile::to_text(scene.profile));
  LoadOptions options = all_open();
  options.profile = file.string();
  options.backend = "profiled";
  const ModelStatus status = scene.load(options);
  CHECK(status.state == ModelState::ready);
  CHECK(status.execution.precision == "int8");  // as auto without a profile
  CHECK(status.lanes == 1);
  CHECK_FALSE(status.execution.profile_reason.has_value());
  REQUIRE(status.warnings.size() == 1);
  CHECK(status.warnings[0].code == "PROFILE_IGNORED");
  CHECK(contains(status.warnings[0].message, "another CPU, Another CPU"));
  REQUIRE(scene.warned.size() == 1);
  CHECK(contains(scene.warned[0], "other.json"));
}

TEST_CASE("a damaged profile is left alone with a warning") {
  Scene scene;
  const auto file = scene.cache.path() / "damaged.json";
  test::write_file(file, "{\"mediscan_profile\": 1, ");
  LoadOptions options = all_open();
  options.profile = file.string();
  options.backend = "profiled";
  const ModelStatus status = scene.load(options);
  CHECK(status.state == ModelState::ready);
  REQUIRE(status.warnings.size() == 1);
  CHECK(contains(status.warnings[0].message, "damaged.json: not valid JSON"));
}

TEST_CASE("when what the profile chose fails its self-test, the load goes on as without it, and says so") {
  Scene scene;
  scene.write();
  scene.script->logits_at = {{"int8", {1.5F, 0.5F, -1.0F}}};  // another top class
  LoadOptions options = all_open();
  options.backend = "profiled";
  const ModelStatus status = scene.load(options);
  CHECK(status.state == ModelState::ready);
  CHECK(status.execution.precision == "fp32");
  CHECK(status.lanes == 1);
  CHECK(status.profile.empty());
  CHECK_FALSE(status.execution.profile_reason.has_value());
  CHECK(contains(*status.execution.precision_reason, "int8: "));
  REQUIRE(status.warnings.size() == 1);
  CHECK(status.warnings[0].code == "PROFILE_IGNORED");
  CHECK(contains(status.warnings[0].message, "what it chose does not load"));
  CHECK(scene.script->opened == scene.script->closed);  // the manager is gone, and nothing was left behind
}

TEST_CASE("a fault of the bundle is no reason to load it another way") {
  test::BundleContent content = Scene::allowing_int8();
  content.stated_sha256 = std::string(64, '0');
  Scene scene(content);
  scene.write();
  CHECK(test::error_of([&] { (void)scene.load(all_open()); }).code() == ErrorCode::hash_mismatch);
  CHECK(scene.warned.empty());
}

}  // namespace mediscan::model
