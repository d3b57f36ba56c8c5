#include "profile/place.hpp"

#include <doctest/doctest.h>

#include "environment_variable.hpp"
#include "example_profiles.hpp"

namespace mediscan::profile {

using test::EnvironmentVariable;

TEST_CASE("the default place is in the cache folder of the XDG Base Directory Specification") {
  const Identity identity = example_profile().identity;
  const EnvironmentVariable home("HOME", "/home/someone");
  {
    const EnvironmentVariable cache("XDG_CACHE_HOME", "/var/cache/someone");
    const auto file = default_file("skin-demo", identity);
    REQUIRE(file.has_value());
    CHECK(file->parent_path() == "/var/cache/someone/mediscan/tune");
    CHECK(file->filename().string().starts_with("skin-demo-"));
    CHECK(file->extension() == ".json");
  }
  for (const std::optional<std::string>& unusable :
       {std::optional<std::string>(), std::optional<std::string>(""), std::optional<std::string>("relative/cache")}) {
    const EnvironmentVariable cache("XDG_CACHE_HOME", unusable);
    CHECK(default_file("skin-demo", identity)->parent_path() == "/home/someone/.cache/mediscan/tune");
  }
  const EnvironmentVariable cache("XDG_CACHE_HOME", std::nullopt);
  const EnvironmentVariable relative("HOME", "home");
  CHECK_FALSE(default_file("skin-demo", identity).has_value());
  const EnvironmentVariable none("HOME", std::nullopt);
  CHECK_FALSE(default_file("skin-demo", identity).has_value());
}

TEST_CASE("bundles, machines and budgets have files of their own, and versions share one") {
  const EnvironmentVariable cache("XDG_CACHE_HOME", "/c");
  const Identity identity = example_profile().identity;
  const auto with = [&](auto change) {
    Identity other = identity;
    change(other);
    return default_file("m", other);
  };
  const auto file = default_file("m", identity);
  CHECK(with([](Identity& i) { i.weights_sha256 = "x"; }) != file);
  CHECK(with([](Identity& i) { i.manifest_sha256 = "x"; }) != file);
  CHECK(with([](Identity& i) { i.cpu = "x"; }) != file);
  CHECK(with([](Identity& i) { i.features.clear(); }) != file);
  CHECK(with([](Identity& i) { i.threads = 1; }) != file);
  CHECK(with([](Identity& i) { i.library_version = "x"; }) == file);
}

TEST_CASE("a bundle's name cannot lead out of the folder") {
  const EnvironmentVariable cache("XDG_CACHE_HOME", "/c");
  const Identity identity = example_profile().identity;
  for (const char* name : {"../../etc/passwd", "/etc/passwd", "a/b", ".."}) {
    CHECK(default_file(name, identity)->parent_path() == "/c/mediscan/tune");
  }
  CHECK(default_file(std::string(1000, 'x'), identity)->filename().string().size() < 100);
}

TEST_CASE("MEDISCAN_PROFILE names one, and empty is not set") {
  {
    const EnvironmentVariable variable("MEDISCAN_PROFILE", "/p.json");
    CHECK(named_by_environment() == "/p.json");
  }
  {
    const EnvironmentVariable variable("MEDISCAN_PROFILE", "");
    CHECK_FALSE(named_by_environment().has_value());
  }
}

}  // namespace mediscan::profile
