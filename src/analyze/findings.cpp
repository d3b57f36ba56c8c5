#include "analyze/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mediscan/error.hpp>

namespace mediscan::analyze {
namespace {

/// Where a decision falls for a label without an operating point of its own.
constexpr double even_odds = 0.5;

void require_finite(const Bundle& bundle, std::span<const float> logits) {
  for (std::size_t i = 0; i < logits.size(); ++i) {
    // A softmax has every logit in its denominator; an untrained sigmoid head may hold anything.
    const bool counts = bundle.labels[i].available || bundle.output.activation == Activation::softmax;
    if (!counts || std::isfinite(logits[i])) continue;
    throw Error(ErrorCode::backend_failed, Stage::analyze,
                fmt::format("the logit of \"{}\" is {}, no finite number", bundle.labels[i].code, logits[i]),
                "the network overflowed on this picture; its weights or this precision cannot be trusted with it");
  }
}

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

Finding finding_of(const Bundle& bundle, const Label& label, float logit, double probability) {
  Finding finding;
  finding.code = label.code;
  finding.label = label.label;
  finding.snomed = label.snomed;
  finding.available = label.available;
  if (!label.available) return finding;
  finding.logit = static_cast<double>(logit);
  finding.probability = probability;
  if (bundle.task == Task::multilabel) {
    finding.operating_point = threshold_of(bundle, label);
    finding.decision = probability >= *finding.operating_point;
  }
  return finding;
}

}  // namespace

double scale_to_operating_point(double probability, double threshold) noexcept {
  if (probability < threshold) return probability / (2.0 * threshold);
  return 1.0 - (1.0 - probability) / (2.0 * (1.0 - threshold));
}

std::vector<Finding> findings_of(const Bundle& bundle, std::span<const float> logits) {
  require_finite(bundle, logits);
  const std::vector<double> probabilities = probabilities_of(bundle, logits);
  std::vector<Finding> findings;
  findings.reserve(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    findings.push_back(finding_of(bundle, bundle.labels[i], logits[i], probabilities[i]));
  }
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return a.probability.value_or(-1.0) > b.probability.value_or(-1.0);  // unavailable ones have none and go last
  });
  if (bundle.task == Task::multiclass) {
    for (Finding& finding : findings) {
      if (finding.available) finding.decision = &finding == &findings.front();
    }
  }
  return findings;
}

}  // namespace mediscan::analyze
