#include "profile/look_up.hpp"

#include <doctest/doctest.h>

#include "bundle_folder.hpp"
#include "environment_variable.hpp"
#include "errors.hpp"
#include "example_profiles.hpp"
#include "profile/place.hpp"
#include "scripted_backend.hpp"

namespace mediscan::profile {
namespace {

using test::contains;
using test::EnvironmentVariable;

/// A profile of this machine, of a bundle and of the scripted backend, in a cache folder of its own.
struct Scene {
  test::TemporaryBundle folder;
  test::TemporaryFolder cache;
  EnvironmentVariable place{"XDG_CACHE_HOME", cache.path().string()};
  EnvironmentVariable named{"MEDISCAN_PROFILE", std::nullopt};
  std::shared_ptr<test::Script> script = test::scripted_backend("looked_up");
  Bundle bundle = Bundle::read(folder.path());
  Profile profile;

  Scene() {
    profile.identity = identity_here(bundle, 2);
    profile.model = "tiny 1.0.0";
    profile.made = "today";
    profile.measured = {measured("fp32", 2, 1, 5, 400)};
    profile.measured[0].backend = "looked_up";
    profile.measured[0].backend_version = "7.8.9";
  }
  [[nodiscard]] std::filesystem::path default_place() const {
    return default_file(bundle.name, profile.identity).value();
  }
  void write(const std::filesystem::path& to) const {
    std::filesystem::create_directories(to.parent_path());
    test::write_file(to, to_text(profile));
  }
  [[nodiscard]] Found found(const std::string& wanted = "auto", int threads = 2, const Settled& settled = {}) const {
    return look_up(wanted, {bundle, threads, {}, settled});
  }
};

}  // namespace

TEST_CASE("without a profile there is nothing to tell") {
  const Scene scene;
  const Found found = scene.found();
  CHECK_FALSE(found.profile.has_value());
  CHECK(found.file.empty());
  CHECK(found.problem.empty());
}

TEST_CASE("the profile in the default place is found, and off does not look for it") {
  const Scene scene;
  scene.write(scene.default_place());
  const Found found = scene.found();
  REQUIRE(found.profile.has_value());
  CHECK(found.file == scene.default_place());
  CHECK(*found.profile == scene.profile);
  CHECK_FALSE(scene.found("off").profile.has_value());
  const EnvironmentVariable off("MEDISCAN_PROFILE", "off");
  CHECK_FALSE(scene.found().profile.has_value());
}

TEST_CASE("the option goes before the variable, and the variable before the default place") {
  const Scene scene;
  scene.write(scene.default_place());
  const auto by_variable = scene.cache.path() / "variable.json";
  const auto by_option = scene.cache.path() / "option.json";
  scene.write(by_variable);
  scene.write(by_option);
  const EnvironmentVariable variable("MEDISCAN_PROFILE", by_variable.string());
  CHECK(scene.found().file == by_variable);
  CHECK(scene.found(by_option.string()).file == by_option);
  CHECK(scene.found(by_option.string()).profile.has_value());
}

TEST_CASE("a named file that is not there is a problem, and the default place does not stand in for it") {
  const Scene scene;
  scene.write(scene.default_place());
  const Found found = scene.found((scene.cache.path() / "none.json").string());
  CHECK_FALSE(found.profile.has_value());
  CHECK(contains(found.problem, "none.json"));
}

TEST_CASE("what was measured with something else is a problem that says what is not the same") {
  const auto problem = [](auto change, int threads = 2) {
    Scene scene;
    change(scene.profile);
    const auto file = scene.cache.path() / "p.json";
    scene.write(file);
    const Found found = scene.found(file.string(), threads);
    CHECK_FALSE(found.profile.has_value());
    CHECK(contains(found.problem, "p.json: "));
    return found.problem;
  };
  CHECK(contains(problem([](Profile& p) { p.identity.cpu = "B"; }), "another CPU, B"));
  CHECK(contains(problem([](Profile& p) { p.identity.weights_sha256 = "b"; }), "other weights"));
  CHECK(contains(problem([](Profile& p) { p.identity.library_version = "9"; }), "by MediScan 9"));
  CHECK(contains(problem([](Profile&) {}, 1), "for 2 threads, here are 1"));
  CHECK(contains(problem([](Profile& p) { p.measured[0].backend_version = "1"; }), "looked_up 1, here it is 7.8.9"));
  CHECK(contains(problem([](Profile& p) { p.measured[0].backend = "gone"; }), "gone, which is not registered"));
}

TEST_CASE("backends that do not matter to the reader are not asked for") {
  Scene scene;
  auto other = scene.profile.measured[0];
  other.backend = "gone";
  scene.profile.measured.push_back(other);
  scene.write(scene.default_place());
  CHECK_FALSE(scene.found().profile.has_value());
  CHECK(scene.found("auto", 2, {.backend = "looked_up"}).profile.has_value());
}

TEST_CASE("a damaged file is a problem and no error") {
  const Scene scene;
  const auto file = scene.cache.path() / "p.json";
  for (const std::string& text : {std::string(), std::string("{"), std::string("\xff\xfe\x00", 3),
                                  to_text(scene.profile).substr(0, 200), std::string(2U << 20U, '[')}) {
    test::write_file(file, text);
    const Found found = scene.found(file.string());
    CHECK_FALSE(found.profile.has_value());
    CHECK(contains(found.problem, "p.json"));
  }
}

}  // namespace mediscan::profile
