// A profile: how fast a bundle was in each configuration that served it, and what it was measured with. Its JSON, both
// ways. Not for where the file stands, and not for what to make of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mediscan/options.hpp>
#include <span>
#include <string>
#include <vector>

#include "bundle/json_reader.hpp"
#include "profile/identity.hpp"

namespace mediscan::profile {

/// Each served: it opened and passed the bundle's self-test.
struct Measured {
  std::string backend;
  std::string backend_version;
  bool simulated = false;
  std::string device;
  std::string precision;
  int lanes = 1;
  int threads = 1;  ///< of each lane
  std::uint32_t batch_size = 1;
  double latency_ms = 0;  ///< of one picture alone: the same for every batch size of a configuration
  double pictures_per_second = 0;

  friend bool operator==(const Measured&, const Measured&) = default;
};

struct Profile {
  Identity identity;
  std::string model;  ///< name and version, for people
  std::string made;   ///< when, UTC, for people
  TuneGoal goal = TuneGoal::latency;
  std::vector<Measured> measured;

  friend bool operator==(const Profile&, const Profile&) = default;
};

inline constexpr std::array goal_names{bundle::Named<TuneGoal>{TuneGoal::latency, "latency"},
                                       bundle::Named<TuneGoal>{TuneGoal::throughput, "throughput"}};

std::string to_text(const Profile& profile);

/// Throws BUNDLE_INVALID, as reading a manifest does; the message begins with `document`.
Profile parse(std::span<const std::byte> text, std::string_view document);

/// Reads a regular file of at most 1 MiB. Throws IO_ERROR, LIMIT_EXCEEDED and as parse().
Profile read(const std::filesystem::path& file);

}  // namespace mediscan::profile
