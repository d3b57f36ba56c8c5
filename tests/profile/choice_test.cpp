#include "profile/choice.hpp"

#include <doctest/doctest.h>

#include "bundle_folder.hpp"
#include "example_profiles.hpp"

namespace mediscan::profile {
namespace {

Bundle bundle(std::vector<std::string> allowed = {"int8", "bf16"}) {
  test::BundleContent content;
  content.allowed_precisions = std::move(allowed);
  const test::TemporaryBundle folder(content);
  return Bundle::read(folder.path());
}

Measured chosen(const std::vector<Measured>& rows, TuneGoal goal, const Settled& settled = {},
                const Bundle& of = bundle()) {
  return best(rows, goal, settled, of).value();
}

}  // namespace

TEST_CASE("latency and throughput have winners of their own") {
  const auto quick = measured("fp32", 1, 1, 10, 100);
  const auto wide = measured("fp32", 2, 1, 16, 125);
  CHECK(chosen({quick, wide}, TuneGoal::latency) == quick);
  CHECK(chosen({quick, wide}, TuneGoal::throughput) == wide);
}

TEST_CASE("what is settled is not chosen otherwise") {
  const auto fp32 = measured("fp32", 1, 1, 40, 25);
  const auto fp32_wide = measured("fp32", 2, 1, 50, 40);
  const auto int8 = measured("int8", 1, 1, 10, 100);
  auto other = measured("fp32", 1, 1, 1, 1000);
  other.backend = "other";
  other.device = "cuda:0";
  const std::vector<Measured> rows = {fp32, fp32_wide, int8, other};
  CHECK(chosen(rows, TuneGoal::latency) == other);
  CHECK(chosen(rows, TuneGoal::latency, {.backend = "torch"}) == int8);
  CHECK(chosen(rows, TuneGoal::latency, {.device = "cpu"}) == int8);
  CHECK(chosen(rows, TuneGoal::latency, {.backend = "torch", .precision = "fp32"}) == fp32);
  CHECK(chosen(rows, TuneGoal::latency, {.backend = "torch", .precision = "fp32", .lanes = 2}) == fp32_wide);
  CHECK_FALSE(best(rows, TuneGoal::latency, {.backend = "torch", .precision = "bf16"}, bundle()).has_value());
  CHECK_FALSE(best(rows, TuneGoal::latency, {.lanes = 3}, bundle()).has_value());
  CHECK_FALSE(best({}, TuneGoal::latency, {}, bundle()).has_value());
}

TEST_CASE("below fp32 nothing is chosen that the bundle does not allow, whatever the file says") {
  const auto fp32 = measured("fp32", 1, 1, 40, 25);
  const auto int8 = measured("int8", 1, 1, 10, 100);
  const auto bf16 = measured("bf16", 1, 1, 20, 50);
  CHECK(chosen({fp32, int8, bf16}, TuneGoal::latency, {}, bundle({"bf16"})) == bf16);
  CHECK(chosen({fp32, int8, bf16}, TuneGoal::latency, {}, bundle({})) == fp32);
  CHECK_FALSE(best(std::vector{int8}, TuneGoal::latency, {.precision = "int8"}, bundle({})).has_value());
}

TEST_CASE("a simulated backend is chosen only when it was named") {
  auto mock = measured("fp32", 1, 1, 0.01, 100'000);
  mock.backend = "mock";
  mock.simulated = true;
  const auto real = measured("fp32", 1, 1, 40, 25);
  CHECK(chosen({mock, real}, TuneGoal::latency) == real);
  CHECK(chosen({mock, real}, TuneGoal::latency, {.backend = "mock"}) == mock);
}

TEST_CASE(
    "speeds within three percent are alike: fp32 goes before int8, one lane before two, small batches before large") {
  const auto fp32 = measured("fp32", 1, 1, 10.2, 98);
  const auto int8 = measured("int8", 1, 1, 10, 100);
  CHECK(chosen({int8, fp32}, TuneGoal::latency) == fp32);
  CHECK(chosen({int8, fp32}, TuneGoal::throughput) == fp32);
  const auto clearly_slower = measured("fp32", 1, 1, 10.4, 96);
  CHECK(chosen({clearly_slower, int8}, TuneGoal::latency) == int8);
  CHECK(chosen({clearly_slower, int8}, TuneGoal::throughput) == int8);
  const auto one_lane = measured("fp32", 1, 4, 10, 98);
  const auto two_lanes = measured("fp32", 2, 4, 10, 100);
  CHECK(chosen({two_lanes, one_lane}, TuneGoal::throughput) == one_lane);
  const auto small = measured("fp32", 1, 2, 10, 98);
  const auto large = measured("fp32", 1, 8, 10, 100);
  CHECK(chosen({large, small}, TuneGoal::throughput) == small);
}

TEST_CASE("for latency the batch size is the best of the configuration that answers first") {
  const std::vector<Measured> rows = {measured("fp32", 1, 1, 10, 100), measured("fp32", 1, 4, 10, 150),
                                      measured("fp32", 1, 8, 10, 120), measured("fp32", 2, 8, 20, 400)};
  CHECK(chosen(rows, TuneGoal::latency) == rows[1]);
  CHECK(chosen(rows, TuneGoal::latency, {.max_batch = 2}) == rows[0]);
  CHECK(chosen(rows, TuneGoal::throughput) == rows[3]);
  CHECK(chosen(rows, TuneGoal::throughput, {.max_batch = 7}) == rows[1]);
}

}  // namespace mediscan::profile
