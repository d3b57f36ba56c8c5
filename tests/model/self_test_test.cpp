#include "model/self_test.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "bundle_folder.hpp"
#include "errors.hpp"
#include "preprocess/normalize.hpp"

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
  const SelfTestRecord record = self_test(bundle, {1, 2, 4}, {}, answering(bundle, 0.0005F, &seen));
  CHECK(record.run);
  CHECK(record.tolerance == doctest::Approx(0.001));
  CHECK(record.largest_difference == doctest::Approx(0.0005).epsilon(0.01));
  CHECK(seen == std::vector<std::uint32_t>{1, 2, 4});
}

TEST_CASE("a session that takes samples is proven with them, and once with the tensor") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  std::vector<std::uint32_t> samples;
  std::vector<std::uint32_t> tensors;
  const auto answer = answering(bundle, 0);
  const SelfTestRecord record =
      self_test(bundle, {1, 2, 4}, {"fp32", false, true}, [&](const BatchInput& input, const BatchOutput& output) {
        CHECK((input.samples == nullptr) != (input.data == nullptr));
        (input.samples != nullptr ? samples : tensors).push_back(input.batch);
        answer(input, output);
      });
  CHECK(record.run);
  CHECK(samples == std::vector<std::uint32_t>{1, 2, 4});
  CHECK(tensors == std::vector<std::uint32_t>{1});
}

TEST_CASE("both forms of the self-test picture are the same picture") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  const SelfTestPictures pictures(bundle, 3);
  REQUIRE(pictures.has_samples());
  const BatchInput tensors = pictures.first(3, false);
  const BatchInput samples = pictures.first(3, true);
  CHECK(samples.batch == 3);
  const std::size_t picture = std::size_t{samples.channels} * samples.height * samples.width;
  std::vector<float> values(picture);
  for (std::size_t i = 0; i < 3; ++i) {
    recipe::normalize_samples(bundle.input, std::span(samples.samples, 3 * picture).subspan(i * picture, picture),
                              samples.height, samples.width, values);
    CHECK(std::equal(values.begin(), values.end(), tensors.data + i * picture));
  }
}

TEST_CASE("a recipe in float32 arithmetic has no samples to give") {
  const Fixture fixture;
  Bundle bundle = Bundle::read(fixture.folder.path());
  if (!bundle.input.resize) bundle.input.resize = ResizeStep{};
  bundle.input.resize->arithmetic = ResizeStep::Arithmetic::float32;
  const SelfTestPictures pictures(bundle, 1);
  CHECK_FALSE(pictures.has_samples());
  CHECK(pictures.first(1, true).data != nullptr);
}

TEST_CASE("a logit beyond the tolerance fails, naming the label, both values and the tolerance") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  const Error error = error_of([&] { self_test(bundle, {1}, {}, answering(bundle, 0.5F)); });
  CHECK(error.code() == ErrorCode::self_test_failed);
  for (const char* part : {"\"bcc\"", "-0.5", "-1", "0.001", "tiny"}) CHECK(test::contains(error.message(), part));
}

TEST_CASE("a row that is wrong only in a larger batch is found") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  const auto run = [&](const BatchInput& input, const BatchOutput& output) {
    answering(bundle, input.batch == 4 ? 1.0F : 0.0F)(input, output);
  };
  const Error error = error_of([&] { self_test(bundle, {1, 2, 4}, {}, run); });
  CHECK(error.code() == ErrorCode::self_test_failed);
  CHECK(test::contains(error.message(), "batch size 4"));
}

TEST_CASE("NaN and logits never written fail") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  const auto nothing = [](const BatchInput&, const BatchOutput&) {};
  CHECK(error_of([&] { self_test(bundle, {1}, {}, nothing); }).code() == ErrorCode::self_test_failed);
  CHECK(error_of([&] { self_test(bundle, {1}, {}, answering(bundle, std::nanf(""))); }).code() ==
        ErrorCode::self_test_failed);
}

TEST_CASE("a simulated backend is run but not compared, and the record says so") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  const SelfTestRecord record = self_test(bundle, {1, 2}, {"fp32", true}, answering(bundle, 100.0F));
  CHECK_FALSE(record.run);
}

/// The bundle's logits 0.5, 1.5, -1 give the probabilities 0.2537, 0.6897, 0.0566.
struct LowerFixture {
  explicit LowerFixture(double tolerance) : bundle(Bundle::read(folder.path())) {
    bundle.precision = PrecisionSpec{{"bf16", "int8"}, tolerance};
  }
  [[nodiscard]] SelfTestRecord prove(const std::vector<float>& logits) const {
    return self_test(bundle, {1, 2}, {"int8", false}, [&](const BatchInput&, const BatchOutput& output) {
      for (std::uint32_t i = 0; i < output.batch * output.outputs; ++i) output.logits[i] = logits[i % logits.size()];
    });
  }
  test::TemporaryBundle folder;
  Bundle bundle;
};

TEST_CASE("below fp32 probabilities are compared, and logits far beyond their tolerance may pass") {
  const LowerFixture fixture(0.02);
  const SelfTestRecord record = fixture.prove({5.5F, 6.5F, 4.05F});  // softmax takes away what all have in common
  CHECK(record.run);
  CHECK(record.tolerance == 0.02);
  CHECK(record.largest_difference == doctest::Approx(0.00273).epsilon(0.02));
}

TEST_CASE("below fp32 a probability beyond the bundle's tolerance fails, naming label, precision and both values") {
  const LowerFixture fixture(0.02);
  const Error error = error_of([&] { (void)fixture.prove({0.5F, 1.7F, -1.0F}); });
  CHECK(error.code() == ErrorCode::self_test_failed);
  for (const char* part : {"int8", "\"mel\"", "0.2201", "0.2537", "0.02", "batch size 1"}) {
    CHECK_MESSAGE(test::contains(error.message(), part), error.message());
  }
}

TEST_CASE("below fp32 another decision fails, however small the difference") {
  LowerFixture fixture(0.5);
  const Error error = error_of([&] { (void)fixture.prove({1.5F, 1.4F, -1.0F}); });
  CHECK(error.code() == ErrorCode::self_test_failed);
  CHECK(test::contains(error.message(), "decided otherwise"));
  fixture.bundle.task = Task::multilabel;
  fixture.bundle.output.activation = Activation::sigmoid;
  fixture.bundle.labels[0].operating_points = {{"youden", 0.622}};  // sigmoid(0.5) = 0.62246
  CHECK_NOTHROW((void)fixture.prove({0.5F, 1.5F, -1.0F}));
  const Error crossed = error_of([&] { (void)fixture.prove({0.49F, 1.5F, -1.0F}); });
  CHECK(test::contains(crossed.message(), "\"mel\" is decided otherwise"));
}

TEST_CASE("below fp32 logits that are not finite fail, and untrained heads do not count") {
  LowerFixture fixture(0.02);
  CHECK(error_of([&] { (void)fixture.prove({0.5F, 1.5F, std::nanf("")}); }).code() == ErrorCode::self_test_failed);
  fixture.bundle.task = Task::multilabel;
  fixture.bundle.output.activation = Activation::sigmoid;
  fixture.bundle.labels[2].available = false;
  CHECK_NOTHROW((void)fixture.prove({0.5F, 1.5F, std::nanf("")}));
}

TEST_CASE("fp32 stays as strict when the bundle allows less") {
  LowerFixture fixture(0.5);
  const Error error = error_of([&] { self_test(fixture.bundle, {1}, {}, answering(fixture.bundle, 0.0011F)); });
  CHECK(error.code() == ErrorCode::self_test_failed);
}

TEST_CASE("a session below fp32 of a bundle that states no tolerance is refused") {
  LowerFixture fixture(0.02);
  fixture.bundle.precision.reset();
  CHECK(error_of([&] { (void)fixture.prove({0.5F, 1.5F, -1.0F}); }).code() == ErrorCode::precision_unsupported);
}

TEST_CASE("a self-test picture that is missing or damaged is the bundle's fault") {
  const Fixture fixture;
  const Bundle bundle = Bundle::read(fixture.folder.path());
  test::write_file(fixture.folder.path() / "self_test.png", "no picture");
  const Error damaged = error_of([&] { self_test(bundle, {1}, {}, answering(bundle, 0)); });
  CHECK(damaged.code() == ErrorCode::bundle_invalid);
  CHECK(test::contains(damaged.message(), "self-test picture"));
  std::filesystem::remove(fixture.folder.path() / "self_test.png");
  const Error missing = error_of([&] { self_test(bundle, {1}, {}, answering(bundle, 0)); });
  CHECK(missing.code() == ErrorCode::bundle_invalid);
}

}  // namespace
}  // namespace mediscan::model
