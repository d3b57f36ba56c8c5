#include "tuning/candidates.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>

#include "bundle_folder.hpp"
#include "errors.hpp"
#include "paced_backend.hpp"

namespace mediscan::tuning {
namespace {

class AbsentBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "absent"; }
  [[nodiscard]] BackendInfo probe(const std::filesystem::path& /*libtorch*/) const override {
    BackendInfo info;
    info.name = "absent";
    info.reason = "its library is missing";
    return info;
  }
  std::unique_ptr<Session> open(const OpenRequest& /*request*/) override { return nullptr; }
};

class PretendingBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "pretending"; }
  [[nodiscard]] bool simulated() const override { return true; }
  [[nodiscard]] BackendInfo probe(const std::filesystem::path& /*libtorch*/) const override {
    BackendInfo info;
    info.name = "pretending";
    info.available = true;
    info.simulated = true;
    info.devices = {{"cpu", true, "", {"fp32"}}};
    return info;
  }
  std::unique_ptr<Session> open(const OpenRequest& /*request*/) override { return nullptr; }
};

using Backends = std::vector<std::shared_ptr<Backend>>;

Bundle bundle(const std::vector<std::string>& allowed) {
  test::BundleContent content;
  content.allowed_precisions = allowed;
  const test::TemporaryBundle folder(content);
  return Bundle::read(folder.path());
}

using Brief = std::tuple<std::string, std::string, int, int>;  // backend, precision, lanes, threads

std::vector<Brief> briefs(const Candidates& candidates) {
  std::vector<Brief> all;
  for (const auto& each : candidates.configurations)
    all.emplace_back(each.backend, each.precision, each.lanes, each.threads);
  return all;
}

}  // namespace

TEST_CASE("the budget is split into powers of two, and into single threads") {
  CHECK(lane_counts(1, 8) == std::vector<int>{1});
  CHECK(lane_counts(2, 8) == std::vector<int>{1, 2});
  CHECK(lane_counts(6, 8) == std::vector<int>{1, 2, 4, 6});
  CHECK(lane_counts(8, 8) == std::vector<int>{1, 2, 4, 8});
  CHECK(lane_counts(12, 8) == std::vector<int>{1, 2, 4, 8});
  CHECK(lane_counts(64, 1) == std::vector<int>{1});
}

TEST_CASE("every precision that the bundle allows is a candidate in every split, on usable devices only") {
  const auto found = find_candidates(bundle({"int8"}), Backends{std::make_shared<test::PacedBackend>()}, {}, 2);
  CHECK(briefs(found) ==
        std::vector<Brief>{
            {"paced", "fp32", 1, 2}, {"paced", "fp32", 2, 1}, {"paced", "int8", 1, 2}, {"paced", "int8", 2, 1}});
  CHECK(found.configurations[0].device == "stage");
  CHECK(found.configurations[0].backend_version == "1.2.3");
  REQUIRE(found.refused.size() == 2);
  CHECK(found.refused[0].configuration.precision == "bf16");
  CHECK(found.refused[1].configuration.precision == "fp16");
  CHECK(found.refused[0].error.code() == ErrorCode::precision_unsupported);
  CHECK(test::contains(found.refused[0].error.message(), "allows fp32 and int8, not bf16"));
}

TEST_CASE("a backend that is not available is told with its reason, and simulated ones are left out unless named") {
  const Backends backends = {std::make_shared<AbsentBackend>(), std::make_shared<PretendingBackend>()};
  const auto open = find_candidates(bundle({}), backends, {}, 1);
  CHECK(open.configurations.empty());
  REQUIRE(open.refused.size() == 1);
  CHECK(open.refused[0].error.code() == ErrorCode::backend_unavailable);
  CHECK(open.refused[0].error.message() == "absent: its library is missing");
  TuneOptions named;
  named.backend = "pretending";
  const auto simulated = find_candidates(bundle({}), backends, named, 1);
  REQUIRE(simulated.configurations.size() == 1);
  CHECK(simulated.configurations[0].simulated);
  named.backend = "nobody";
  CHECK(test::error_of([&] { find_candidates(bundle({}), backends, named, 1); }).code() == ErrorCode::not_found);
}

}  // namespace mediscan::tuning
