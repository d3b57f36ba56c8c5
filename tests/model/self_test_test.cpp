#include "model/self_test.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "bundle_folder.hpp"
#include "errors.hpp"

namespace mediscan::model {
namespace {

using test::error_of;

/// A network that answers the bundle's own logits, with `change` added to one value of the last row.
RunBatch answering(const Bundle& bundle, float change, std::vector<std::uint32_t>* seen = nullptr) {
  return [&bundle, change, seen](const BatchInput& input, const BatchOutput& output) {
    if (seen != nullptr) seen->push_back(input.batch);
    for (std::uint32_t i = 0; i < output.batch * output.outputs; ++i) {
      output.logits[i] = bundle.self_test.logits[i % output.outputs];
    }
    output.logits[output.batch * output.outputs - 1] += change;
  };
}

struct Fixture {
  Fixture() { test::write_bundle(folder.path()); }
  test::TemporaryFolder folder;
};

TEST_CASE("the largest difference over all batch sizes is recorded") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  std::vector<std::uint32_t> seen;
  const SelfTestRecord record = self_test(bundle, {1, 2, 4}, false, answering(bundle, 0.0005F, &seen));
  CHECK(record.run);
  CHECK(record.tolerance == doctest::Approx(0.001));
  CHECK(record.largest_difference == doctest::Approx(0.0005).epsilon(0.01));
  CHECK(seen == std::vector<std::uint32_t>{1, 2, 4});
}

TEST_CASE("a logit beyond the tolerance fails, naming the label, both values and the tolerance") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  const Error error = error_of([&] { self_test(bundle, {1}, false, answering(bundle, 0.5F)); });
  CHECK(error.code() == ErrorCode::self_test_failed);
  for (const char* part : {"\"bcc\"", "-0.5", "-1", "0.001", "tiny"}) CHECK(test::contains(error.message(), part));
}

TEST_CASE("a row that is wrong only in a larger batch is found") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  const auto run = [&](const BatchInput& input, const BatchOutput& output) {
    answering(bundle, input.batch == 4 ? 1.0F : 0.0F)(input, output);
  };
  const Error error = error_of([&] { self_test(bundle, {1, 2, 4}, false, run); });
  CHECK(error.code() == ErrorCode::self_test_failed);
  CHECK(test::contains(error.message(), "batch size 4"));
}

TEST_CASE("NaN and logits never written fail") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  const auto nothing = [](const BatchInput&, const BatchOutput&) {};
  CHECK(error_of([&] { self_test(bundle, {1}, false, nothing); }).code() == ErrorCode::self_test_failed);
  CHECK(error_of([&] { self_test(bundle, {1}, false, answering(bundle, std::nanf(""))); }).code() ==
        ErrorCode::self_test_failed);
}

TEST_CASE("a simulated backend is run but not compared, and the record says so") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  const SelfTestRecord record = self_test(bundle, {1, 2}, true, answering(bundle, 100.0F));
  CHECK_FALSE(record.run);
}

TEST_CASE("a self-test picture that is missing or damaged is the bundle's fault") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  test::write_file(fixture.folder.path() / "self_test.png", "no picture");
  const Error damaged = error_of([&] { self_test(bundle, {1}, false, answering(bundle, 0)); });
  CHECK(damaged.code() == ErrorCode::bundle_invalid);
  CHECK(test::contains(damaged.message(), "self-test picture"));
  std::filesystem::remove(fixture.folder.path() / "self_test.png");
  const Error missing = error_of([&] { self_test(bundle, {1}, false, answering(bundle, 0)); });
  CHECK(missing.code() == ErrorCode::bundle_invalid);
}

}  // namespace
}  // namespace mediscan::model
