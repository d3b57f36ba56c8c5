#include "tuning/candidates.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "profile/choice.hpp"

namespace mediscan::tuning {
namespace {

constexpr std::array<const char*, 4> precisions = {"fp32", "bf16", "fp16", "int8"};

Error not_allowed(const Bundle& bundle, const std::string& precision) {
  return {ErrorCode::precision_unsupported, Stage::backend,
          fmt::format("{} {} allows {}, not {}", bundle.name, bundle.version,
                      bundle.precision ? fmt::format("fp32 and {}", fmt::join(bundle.precision->allowed, ", "))
                                       : std::string("fp32 alone"),
                      precision),
          "that a model may run below fp32 is for its mediscan.json to say (docs/bundle.md)"};
}

/// Some backends begin their reason with their name.
std::string with_name(const std::string& name, const std::string& reason) {
  return reason.starts_with(name + ":") ? reason : fmt::format("{}: {}", name, reason);
}

/// All precisions and splits of a device.
void add_device(const DeviceInfo& device, const TuneConfiguration& backend, const Bundle& bundle,
                const std::vector<int>& lanes, int budget, Candidates& found) {
  for (const std::string precision : precisions) {
    TuneConfiguration one = backend;
    one.device = device.name;
    one.precision = precision;
    if (!profile::allows(bundle, precision)) {
      found.refused.push_back({one, not_allowed(bundle, precision)});
      continue;
    }
    for (const int count : lanes) {
      one.lanes = count;
      one.threads = budget / count;
      found.configurations.push_back(one);
    }
  }
}

}  // namespace

std::vector<int> lane_counts(int budget, int most) {
  std::vector<int> counts;
  for (int lanes = 1; lanes <= std::min(budget, most); lanes *= 2) counts.push_back(lanes);
  if (budget <= most && counts.back() != budget) counts.push_back(budget);
  return counts;
}

Candidates find_candidates(const Bundle& bundle, const std::vector<std::shared_ptr<Backend>>& backends,
                           const TuneOptions& options, int budget) {
  Candidates found;
  bool any = false;
  const auto lanes = lane_counts(budget, options.max_lanes);
  for (const auto& backend : backends) {
    if (options.backend == "auto" ? backend->simulated() : backend->name() != options.backend) continue;
    any = true;
    const BackendInfo info = backend->probe(options.libtorch);
    TuneConfiguration one;
    one.backend = backend->name();
    one.backend_version = info.version;
    one.simulated = backend->simulated();
    if (!info.available) {
      found.refused.push_back(
          {one, Error(ErrorCode::backend_unavailable, Stage::backend, with_name(one.backend, info.reason),
                      "`mediscan doctor` says what is missing")});
      continue;
    }
    for (const DeviceInfo& device : info.devices) {
      if (device.usable) add_device(device, one, bundle, lanes, budget, found);
    }
  }
  if (!any && options.backend != "auto") {
    throw Error(ErrorCode::not_found, Stage::backend, fmt::format("no backend is called \"{}\"", options.backend),
                "`mediscan doctor` lists the backends");
  }
  return found;
}

}  // namespace mediscan::tuning
