#include "analyze/summary.hpp"

#include <algorithm>

namespace mediscan::analyze {
namespace {

const Label& label_of(const Bundle& bundle, const Finding& finding) {
  return *std::find_if(bundle.labels.begin(), bundle.labels.end(),
                       [&](const Label& label) { return label.code == finding.code; });
}

std::optional<double> malignant_probability(const Bundle& bundle, const std::vector<Finding>& findings) {
  std::optional<double> sum;
  for (const Finding& finding : findings) {
    if (!finding.probability || !label_of(bundle, finding).malignant.value_or(false)) continue;
    sum = sum.value_or(0.0) + *finding.probability;
  }
  if (sum) sum = std::min(*sum, 1.0);  // seven roundings may add up to a hair more
  return sum;
}

SkinSummary skin_summary(const Bundle& bundle, const std::vector<Finding>& findings) {
  SkinSummary summary;
  if (const Finding& top = findings.front(); top.probability) {
    summary.top_code = top.code;
    summary.top_label = top.label;
    summary.top_probability = *top.probability;
  }
  // Shares of independent labels do not add up to a probability.
  if (bundle.task == Task::multiclass) summary.malignant_probability = malignant_probability(bundle, findings);
  return summary;
}

RadiologySummary radiology_summary(const std::vector<Finding>& findings) {
  RadiologySummary summary;
  for (const Finding& finding : findings) {
    if (finding.decision.value_or(false)) summary.positive_codes.push_back(finding.code);
    if (!finding.available) ++summary.unavailable;
  }
  return summary;
}

}  // namespace

Summary summary_of(const Bundle& bundle, const std::vector<Finding>& findings) {
  Summary summary;
  if (findings.empty()) return summary;
  if (bundle.domain == Domain::skin) summary.skin = skin_summary(bundle, findings);
  if (bundle.domain == Domain::radiology) summary.radiology = radiology_summary(findings);
  return summary;
}

}  // namespace mediscan::analyze
