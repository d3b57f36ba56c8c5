#include "analyze/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mediscan/error.hpp>

#include "bundle/outcome.hpp"

namespace mediscan::analyze {
namespace {

void require_finite(const Bundle& bundle, std::span<const float> logits) {
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!bundle::logit_counts(bundle, bundle.labels[i]) || std::isfinite(logits[i])) continue;
    throw Error(ErrorCode::backend_failed, Stage::analyze,
                fmt::format("the logit of \"{}\" is {}, no finite number", bundle.labels[i].code, logits[i]),
                "the network overflowed on this picture; its weights or this precision cannot be trusted with it");
  }
}

Finding finding_of(const Label& label, float logit, const bundle::Outcome& outcome) {
  Finding finding;
  finding.code = label.code;
  finding.label = label.label;
  finding.snomed = label.snomed;
  finding.available = label.available;
  if (!label.available) return finding;
  finding.logit = static_cast<double>(logit);
  finding.probability = outcome.probability;
  finding.operating_point = outcome.threshold;
  finding.decision = outcome.decision;
  return finding;
}

}  // namespace

std::vector<Finding> findings_of(const Bundle& bundle, std::span<const float> logits) {
  require_finite(bundle, logits);
  const std::vector<bundle::Outcome> outcomes = bundle::outcomes_of(bundle, logits);
  std::vector<Finding> findings;
  findings.reserve(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    findings.push_back(finding_of(bundle.labels[i], logits[i], outcomes[i]));
  }
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return a.probability.value_or(-1.0) > b.probability.value_or(-1.0);  // unavailable ones have none and go last
  });
  return findings;
}

}  // namespace mediscan::analyze
