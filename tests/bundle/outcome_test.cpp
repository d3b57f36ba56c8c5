// What analyze/findings_test.cpp does not show of it, which holds the same numbers in their final form.
#include "bundle/outcome.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace mediscan::bundle {
namespace {

Bundle three_labels(Task task, Activation activation) {
  Bundle bundle;
  bundle.task = task;
  bundle.output.activation = activation;
  for (const char* code : {"a", "b", "c"}) {
    Label label;
    label.code = code;
    bundle.labels.push_back(label);
  }
  return bundle;
}

std::vector<bool> decisions(const Bundle& bundle, const std::vector<float>& logits) {
  std::vector<bool> made;
  for (const Outcome& outcome : outcomes_of(bundle, logits)) made.push_back(outcome.decision);
  return made;
}

TEST_CASE("operating-point scaling is torchxrayvision's: p/(2t) below, 1-(1-p)/(2(1-t)) from t on") {
  CHECK(scale_to_operating_point(0.0, 0.3) == 0.0);
  CHECK(scale_to_operating_point(0.15, 0.3) == doctest::Approx(0.25));
  CHECK(scale_to_operating_point(0.3, 0.3) == doctest::Approx(0.5));
  CHECK(scale_to_operating_point(0.65, 0.3) == doctest::Approx(0.75));
  CHECK(scale_to_operating_point(1.0, 0.3) == 1.0);
}

TEST_CASE("outcomes stand in the bundle's order, and one of equal top classes is the decision: the first") {
  const Bundle bundle = three_labels(Task::multiclass, Activation::softmax);
  CHECK(decisions(bundle, {1.0F, 2.0F, 2.0F}) == std::vector<bool>{false, true, false});
  CHECK(outcomes_of(bundle, std::vector<float>{1.0F, 2.0F, 2.0F})[0].probability ==
        doctest::Approx(0.155362).epsilon(1e-5));  // 1 / (1 + 2e)
}

TEST_CASE("a label that is not available is never the top class") {
  Bundle bundle = three_labels(Task::multiclass, Activation::softmax);
  bundle.labels[1].available = false;
  CHECK(decisions(bundle, {1.0F, 9.0F, 2.0F}) == std::vector<bool>{false, false, true});
}

TEST_CASE("of several labels each is decided by itself, at its threshold or over it") {
  Bundle bundle = three_labels(Task::multilabel, Activation::sigmoid);
  bundle.labels[1].operating_points = {{"first", 0.9}};
  CHECK(decisions(bundle, {0.0F, 1.0F, -0.1F}) == std::vector<bool>{true, false, false});
  CHECK(outcomes_of(bundle, std::vector<float>{0.0F, 1.0F, -0.1F})[1].threshold == 0.9);
}

TEST_CASE("only a sigmoid's untrained head may hold anything") {
  Bundle softmax = three_labels(Task::multiclass, Activation::softmax);
  Bundle sigmoid = three_labels(Task::multilabel, Activation::sigmoid);
  softmax.labels[0].available = sigmoid.labels[0].available = false;
  CHECK(logit_counts(softmax, softmax.labels[0]));
  CHECK_FALSE(logit_counts(sigmoid, sigmoid.labels[0]));
  CHECK(logit_counts(sigmoid, sigmoid.labels[1]));
}

}  // namespace
}  // namespace mediscan::bundle
