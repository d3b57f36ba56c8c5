#include "quantization/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace mediscan::quantization {
namespace {

/// Largest difference of a probability, and how many of the available labels are decided alike.
struct Difference {
  double probability = 0;
  std::uint64_t labels = 0;
  std::uint64_t alike = 0;
};

Difference difference(const Result& exact, const Result& quantized) {
  std::map<std::string_view, const Finding*> by_code;
  for (const Finding& finding : exact.findings) by_code[finding.code] = &finding;
  Difference found;
  for (const Finding& finding : quantized.findings) {
    if (!finding.available) continue;
    const Finding& other = *by_code.at(finding.code);
    found.probability = std::max(found.probability, std::abs(finding.probability.value() - other.probability.value()));
    ++found.labels;
    found.alike += finding.decision == other.decision ? 1 : 0;
  }
  return found;
}

}  // namespace

Agreement Reference::compare(const Analyzer& quantized) {
  Agreement agreement;
  for (const auto& path : pictures_) {
    if (options_.progress) {
      options_.progress("comparing with fp32",
                        static_cast<double>(agreement.pictures) / static_cast<double>(pictures_.size()));
    }
    const Image picture = Image::read(path, options_.decode);
    if (results_.size() == agreement.pictures) results_.push_back(exact_.analyze(picture));
    const Difference found = difference(results_[agreement.pictures], quantized.analyze(picture));
    ++agreement.pictures;
    const bool same = found.alike == found.labels;
    agreement.same_decisions += same ? 1 : 0;
    agreement.decisions += task_ == Task::multiclass ? 1 : found.labels;
    agreement.decided_alike += task_ == Task::multiclass ? (same ? 1 : 0) : found.alike;
    agreement.largest_difference = std::max(agreement.largest_difference, found.probability);
    agreement.mean_difference += found.probability;
  }
  if (agreement.pictures > 0) agreement.mean_difference /= static_cast<double>(agreement.pictures);
  return agreement;
}

}  // namespace mediscan::quantization
