// What a profile was measured with, and whether that is what is here. A profile is good for nothing else: another CPU,
// other weights or another version may turn every figure around.
#pragma once

#include <mediscan/bundle.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mediscan::profile {

struct Identity {
  std::string library_version;
  std::string weights_sha256;
  std::string manifest_sha256;
  std::string cpu;                    ///< as the kernel names it
  std::vector<std::string> features;  ///< of those that precisions depend on
  int threads = 1;                    ///< the budget

  friend bool operator==(const Identity&, const Identity&) = default;
};

/// Of this machine and library with this bundle and thread budget.
Identity identity_here(const Bundle& bundle, int threads);

/// The first thing that is not the same, in words; nothing when all is.
std::optional<std::string> difference(const Identity& measured, const Identity& here);

}  // namespace mediscan::profile
