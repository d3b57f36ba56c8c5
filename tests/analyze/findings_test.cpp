#include "analyze/findings.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "errors.hpp"

namespace mediscan::analyze {
namespace {

Label label(const char* code, bool available = true, double threshold = 0) {
  Label made;
  made.code = code;
  made.label = code;
  made.available = available;
  if (threshold > 0) made.operating_points = {{"first", threshold}, {"second", 0.99}};
  return made;
}

Bundle bundle_of(Task task, Activation activation, std::vector<Label> labels) {
  Bundle bundle;
  bundle.task = task;
  bundle.output.activation = activation;
  bundle.labels = std::move(labels);
  return bundle;
}

TEST_CASE("softmax probabilities are those of the definition, sorted, and the top one is the decision") {
  const Bundle bundle = bundle_of(Task::multiclass, Activation::softmax, {label("a"), label("b"), label("c")});
  const auto findings = findings_of(bundle, std::vector<float>{1.0F, 3.0F, 2.0F});
  const double sum = std::exp(1.0) + std::exp(2.0) + std::exp(3.0);
  CHECK(findings[0].code == "b");
  CHECK(*findings[0].probability == doctest::Approx(std::exp(3.0) / sum).epsilon(1e-12));
  CHECK(findings[1].code == "c");
  CHECK(findings[2].code == "a");
  CHECK(*findings[2].probability == doctest::Approx(std::exp(1.0) / sum).epsilon(1e-12));
  CHECK(*findings[0].decision);
  CHECK_FALSE(*findings[1].decision);
  CHECK(findings[0].logit == 3.0);
  CHECK_FALSE(findings[0].operating_point.has_value());
}

TEST_CASE("huge logits do not overflow") {
  const Bundle bundle = bundle_of(Task::multiclass, Activation::softmax, {label("a"), label("b")});
  const auto findings = findings_of(bundle, std::vector<float>{3.0e38F, -3.0e38F});
  CHECK(*findings[0].probability == 1.0);
  CHECK(*findings[1].probability == 0.0);
}

TEST_CASE("temperature divides the logits") {
  Bundle bundle = bundle_of(Task::multiclass, Activation::softmax, {label("a"), label("b")});
  bundle.output.temperature = 2.0;
  const auto findings = findings_of(bundle, std::vector<float>{2.0F, 0.0F});
  CHECK(*findings[0].probability == doctest::Approx(std::exp(1.0) / (std::exp(1.0) + 1.0)).epsilon(1e-12));
}

TEST_CASE("sigmoid probabilities are decided at each label's first operating point, at 0.5 without one") {
  const Bundle bundle = bundle_of(Task::multilabel, Activation::sigmoid,
                                  {label("low", true, 0.2), label("high", true, 0.9), label("none")});
  const auto findings = findings_of(bundle, std::vector<float>{0.0F, 0.0F, 0.0F});  // sigmoid(0) = 0.5
  CHECK(findings[0].code == "low");  // equal probabilities keep the bundle's order
  CHECK(*findings[0].operating_point == 0.2);
  CHECK(*findings[0].decision);
  CHECK(*findings[1].operating_point == 0.9);
  CHECK_FALSE(*findings[1].decision);
  CHECK(*findings[2].operating_point == 0.5);
  CHECK(*findings[2].decision);  // at the threshold counts as over it
}

TEST_CASE("an unavailable label has no probability and no decision, goes last, and may hold NaN") {
  const Bundle bundle = bundle_of(Task::multilabel, Activation::sigmoid, {label("gone", false), label("here")});
  const auto findings = findings_of(bundle, std::vector<float>{std::numeric_limits<float>::quiet_NaN(), -5.0F});
  CHECK(findings[0].code == "here");
  CHECK(findings[1].code == "gone");
  CHECK_FALSE(findings[1].available);
  CHECK_FALSE(findings[1].probability.has_value());
  CHECK_FALSE(findings[1].decision.has_value());
  CHECK(findings[1].logit == 0);
}

TEST_CASE("an unavailable class never wins a softmax") {
  const Bundle bundle = bundle_of(Task::multiclass, Activation::softmax, {label("gone", false), label("here")});
  const auto findings = findings_of(bundle, std::vector<float>{9.0F, 0.0F});
  CHECK(findings[0].code == "here");
  CHECK(*findings[0].decision);
  CHECK_FALSE(findings[1].decision.has_value());
}

TEST_CASE("a logit that is not finite is BACKEND_FAILED naming the label") {
  const Bundle bundle = bundle_of(Task::multilabel, Activation::sigmoid, {label("mass"), label("hernia")});
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Error error = test::error_of([&] { findings_of(bundle, std::vector<float>{0.0F, bad}); });
    CHECK(error.code() == ErrorCode::backend_failed);
    CHECK(error.stage() == Stage::analyze);
    CHECK(test::contains(error.message(), "hernia"));
  }
}

TEST_CASE("scaled probabilities are decided at 0.5, where the operating point has gone") {
  const Bundle bundle =
      bundle_of(Task::multilabel, Activation::sigmoid_operating_point, {label("a", true, 0.6), label("b", true, 0.4)});
  const auto findings = findings_of(bundle, std::vector<float>{0.0F, 0.0F});  // sigmoid 0.5
  CHECK(findings[0].code == "b");
  CHECK(*findings[0].probability == doctest::Approx(1 - 0.5 / 1.2));
  CHECK(*findings[0].operating_point == 0.5);
  CHECK(*findings[0].decision);
  CHECK(*findings[1].probability == doctest::Approx(0.5 / 1.2));
  CHECK_FALSE(*findings[1].decision);
}

}  // namespace
}  // namespace mediscan::analyze
