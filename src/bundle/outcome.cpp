#include "bundle/outcome.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace mediscan::bundle {
namespace {

/// Where a decision falls for a label without an operating point of its own.
constexpr double even_odds = 0.5;

/// In double, shifted by the largest logit so that no exponential overflows.
std::vector<double> softmax(std::span<const float> logits, double temperature) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> values;
  values.reserve(logits.size());
  double sum = 0;
  for (const float logit : logits) {
    values.push_back(std::exp((logit - largest) / temperature));
    sum += values.back();
  }
  for (double& value : values) value /= sum;
  return values;
}

double sigmoid(double x) noexcept { return 1.0 / (1.0 + std::exp(-x)); }

std::vector<double> probabilities_of(const Bundle& bundle, std::span<const float> logits) {
  const OutputSpec& output = bundle.output;
  if (output.activation == Activation::softmax) return softmax(logits, output.temperature);
  std::vector<double> values;
  values.reserve(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    double value = sigmoid(logits[i] / output.temperature);
    const auto& points = bundle.labels[i].operating_points;
    if (output.activation == Activation::sigmoid_operating_point && !points.empty()) {
      value = scale_to_operating_point(value, points.front().threshold);
    }
    values.push_back(value);
  }
  return values;
}

/// The threshold on the probability as it is reported.
double threshold_of(const Bundle& bundle, const Label& label) noexcept {
  const bool scaled = bundle.output.activation == Activation::sigmoid_operating_point;
  if (scaled || label.operating_points.empty()) return even_odds;
  return label.operating_points.front().threshold;
}

/// The most probable available label, the first of equals.
void decide_top(const Bundle& bundle, std::vector<Outcome>& outcomes) {
  Outcome* top = nullptr;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (!bundle.labels[i].available) continue;
    if (top == nullptr || outcomes[i].probability > top->probability) top = &outcomes[i];
  }
  if (top != nullptr) top->decision = true;
}

}  // namespace

std::vector<Outcome> outcomes_of(const Bundle& bundle, std::span<const float> logits) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(logits.size());
  for (const double probability : probabilities_of(bundle, logits)) {
    Outcome outcome{probability, false, std::nullopt};
    if (bundle.task == Task::multilabel) {
      outcome.threshold = threshold_of(bundle, bundle.labels[outcomes.size()]);
      outcome.decision = probability >= *outcome.threshold;
    }
    outcomes.push_back(outcome);
  }
  if (bundle.task == Task::multiclass) decide_top(bundle, outcomes);
  return outcomes;
}

bool logit_counts(const Bundle& bundle, const Label& label) noexcept {
  return label.available || bundle.output.activation == Activation::softmax;
}

double scale_to_operating_point(double probability, double threshold) noexcept {
  if (probability < threshold) return probability / (2.0 * threshold);
  return 1.0 - (1.0 - probability) / (2.0 * (1.0 - threshold));
}

}  // namespace mediscan::bundle
