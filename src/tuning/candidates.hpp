// Which configurations are worth loading: every backend, device and precision that may serve, in every split of the
// thread budget. What cannot serve is told with the reason.
#pragma once

#include <mediscan/backend.hpp>
#include <mediscan/tune.hpp>
#include <memory>
#include <vector>

namespace mediscan::tuning {

struct Candidates {
  std::vector<TuneConfiguration> configurations;  ///< fewer lanes of the same come first, and fp32 before the others
  std::vector<TuneRefusal> refused;
};

/// Of the backends that `options` means. Throws NOT_FOUND for a name that none has.
Candidates find_candidates(const Bundle& bundle, const std::vector<std::shared_ptr<Backend>>& backends,
                           const TuneOptions& options, int budget);

/// 1, 2, 4, ... up to the budget, and the budget itself; none over `most`.
std::vector<int> lane_counts(int budget, int most);

}  // namespace mediscan::tuning
