// What a profile says is best, of what its reader leaves open.
#pragma once

#include <cstdint>
#include <mediscan/bundle.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "profile/profile.hpp"

namespace mediscan::profile {

/// What is settled; the rest is open.
struct Settled {
  std::string backend = "auto";  ///< "auto" is any real one
  std::string device = "auto";
  std::string precision = "auto";  ///< "auto" is fp32 and what the bundle allows
  int lanes = 0;                   ///< 0 is open
  std::uint32_t max_batch = 64;    ///< no larger batch counts
};

/// Those that a reader who has settled so much may go by, in their order.
std::vector<Measured> fitting(std::span<const Measured> measured, const Settled& settled, const Bundle& bundle);

/// Speeds within so much of the best are taken to be alike: medians of a shared machine differ by that much from run to
/// run.
inline constexpr double alike = 0.03;

/// Of those that fit and are alike to the best, the one that is plainest: fp32 before bf16, fp16 and int8, fewer lanes,
/// then the backend that comes first. For latency the batch size is then the best of that configuration; in both cases
/// the smallest of those alike. Nothing when no row fits.
std::optional<Measured> best(std::span<const Measured> measured, TuneGoal goal, const Settled& settled,
                             const Bundle& bundle);

/// Whether this bundle may run in this precision.
bool allows(const Bundle& bundle, const std::string& precision);

}  // namespace mediscan::profile
