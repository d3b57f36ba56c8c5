// Results, reports and bundles made by hand, for the tests of what people read.
#pragma once

#include <mediscan/bundle.hpp>
#include <mediscan/result.hpp>
#include <mediscan/system.hpp>

#include "cli/terminal.hpp"

namespace mediscan::test {

inline constexpr cli::Style plain{false, true, 80};   ///< Unicode, no colours
inline constexpr cli::Style ascii{false, false, 80};  ///< neither
inline constexpr cli::Style colored{true, true, 80};
inline constexpr cli::Style narrow{false, true, 40};

inline Finding finding(std::string code, std::string label, double probability) {
  Finding one;
  one.code = std::move(code);
  one.label = std::move(label);
  one.logit = 0.5;
  one.probability = probability;
  one.decision = false;
  return one;
}

inline Finding unavailable(std::string code, std::string label) {
  Finding one;
  one.code = std::move(code);
  one.label = std::move(label);
  one.available = false;
  return one;
}

inline Result record() {
  Result result;
  result.input = {"lesion.jpg", std::string(64, 'a'), "jpeg", 600, 450, 8};
  result.model = {"skin-demo", "1.0.0", Domain::skin, "0123456789abcdef", "fedcba9876543210"};
  result.execution = {"torch", "2.15.0", "cpu", "fp32", 1, false, false, std::nullopt, std::nullopt, std::nullopt};
  result.timing_ms = {3.1, 0.9, 0.0, 7.9, 0.1, 12.3};
  result.library_version = "0.1.0";
  return result;
}

/// Three skin classes of which melanoma is on top.
inline Result skin_result() {
  Result result = record();
  result.findings = {finding("mel", "melanoma", 0.75), finding("nv", "melanocytic nevi", 0.2496),
                     finding("df", "dermatofibroma", 0.0004)};
  result.findings.front().decision = true;
  result.summary.skin = SkinSummary{"mel", "melanoma", 0.75, 0.75};
  return result;
}

/// Effusion over its operating point, pneumonia under, fracture never trained.
inline Result chest_result() {
  Result result = record();
  result.model.domain = Domain::radiology;
  result.findings = {finding("effusion", "Effusion", 0.75), finding("pneumonia", "Pneumonia", 0.125),
                     unavailable("fracture", "Fracture")};
  result.findings[0].operating_point = 0.5;
  result.findings[0].decision = true;
  result.findings[1].operating_point = 0.5;
  result.summary.radiology = RadiologySummary{{"effusion"}, 1};
  return result;
}

}  // namespace mediscan::test
