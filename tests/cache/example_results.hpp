// Results with every kind of field set, and the lines a log heard.
#pragma once

#include <mediscan/options.hpp>
#include <mediscan/result.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan::test {

/// As the analysis of a photograph gives it; `seed` is in its numbers.
inline Result skin_result(int seed = 0) {
  Result result;
  result.input = {"", std::string(64, 'a'), "jpeg", 600, 450, 8};
  result.model = {"skin-demo", "1.0.0", Domain::skin, std::string(64, 'b'), std::string(64, 'c')};
  result.preprocess_sha256 = std::string(64, 'd');
  result.execution = {"torch", "2.15.0", "cpu", "fp32", 4, false, false, std::nullopt, std::nullopt, std::nullopt};
  for (const char* code : {"mel", "nv", "bcc", "akiec", "bkl", "df", "vasc"}) {
    Finding finding;
    finding.code = code;
    finding.label = std::string("what people call ") + code;
    finding.snomed = "372244006";
    finding.logit = 0.1 * (seed + 1);
    finding.probability = 1.0 / (seed + 3);
    finding.decision = result.findings.empty();
    result.findings.push_back(finding);
  }
  result.summary.skin = SkinSummary{"mel", "what people call mel", 1.0 / (seed + 3), 0.25};
  result.timing_ms = {3.1, 0.9, 0.0, 7.9, 0.1, 12.3};
  result.warnings = {{"MODEL_CARD", "for demonstration only"}};
  result.library_version = library_version();
  return result;
}

/// As the analysis of a radiograph gives it: one label positive, one not, one never trained.
inline Result radiology_result() {
  Result result = skin_result();
  result.model.name = "chest-demo";
  result.model.domain = Domain::radiology;
  result.findings.resize(3);
  result.findings[0].operating_point = 0.5;
  result.findings[1].operating_point = 0.75;
  result.findings[1].decision = false;
  Finding& last = result.findings[2];
  last.available = false;
  last.logit = 0;
  last.probability.reset();
  last.decision.reset();
  last.snomed.reset();
  result.summary = {};
  result.summary.radiology = RadiologySummary{{"mel"}, 1};
  return result;
}

/// Keeps what was logged; the callback may outlive this object.
class Lines {
 public:
  [[nodiscard]] LogCallback callback() const {
    return [kept = kept_](LogLevel level, std::string_view message) {
      const std::scoped_lock lock(kept->mutex);
      if (level == LogLevel::warning) kept->warnings.emplace_back(message);
      kept->all.emplace_back(message);
    };
  }
  [[nodiscard]] std::vector<std::string> warnings() const {
    const std::scoped_lock lock(kept_->mutex);
    return kept_->warnings;
  }
  [[nodiscard]] std::string text() const {
    const std::scoped_lock lock(kept_->mutex);
    std::string text;
    for (const auto& line : kept_->all) text += line + '\n';
    return text;
  }

 private:
  struct Kept {
    std::mutex mutex;
    std::vector<std::string> warnings;
    std::vector<std::string> all;
  };
  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

}  // namespace mediscan::test
