#include "profile/identity.hpp"

#include <doctest/doctest.h>

#include <mediscan/result.hpp>

#include "backend/cpu.hpp"
#include "bundle_folder.hpp"
#include "errors.hpp"
#include "example_profiles.hpp"

namespace mediscan::profile {

TEST_CASE("the identity is that of this library, bundle, processor and budget") {
  const test::TemporaryBundle folder;
  const Bundle bundle = Bundle::read(folder.path());
  const Identity here = identity_here(bundle, 3);
  CHECK(here.library_version == library_version());
  CHECK(here.weights_sha256 == bundle.weights_sha256());
  CHECK(here.manifest_sha256 == bundle.manifest_sha256);
  CHECK(here.cpu == backend::this_cpu().model);
  CHECK(here.threads == 3);
  CHECK_FALSE(difference(here, here).has_value());
}

TEST_CASE("anything that is not the same is told") {
  const Identity one = example_profile().identity;
  const auto told = [&](auto change, const std::string& part) {
    Identity other = one;
    change(other);
    const auto text = difference(one, other);
    REQUIRE(text.has_value());
    CHECK(test::contains(*text, part));
  };
  told([](Identity& i) { i.library_version = "9"; }, "by MediScan 0.1.0, this is 9");
  told([](Identity& i) { i.weights_sha256 = "c"; }, "other weights");
  told([](Identity& i) { i.manifest_sha256 = "c"; }, "another mediscan.json");
  told([](Identity& i) { i.cpu = "B"; }, "another CPU, A CPU");
  told([](Identity& i) { i.features = {"avx2"}; }, "[avx2, vnni], here it has [avx2]");
  told([](Identity& i) { i.threads = 1; }, "for 2 threads, here are 1");
}

}  // namespace mediscan::profile
