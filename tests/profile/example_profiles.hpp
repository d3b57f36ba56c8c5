// Profiles made by hand.
#pragma once

#include "profile/profile.hpp"

namespace mediscan::profile {

inline Measured measured(std::string precision, int lanes, std::uint32_t batch, double latency_ms, double rate) {
  Measured row;
  row.backend = "torch";
  row.backend_version = "2.15.0";
  row.device = "cpu";
  row.precision = std::move(precision);
  row.lanes = lanes;
  row.threads = 2 / lanes;
  row.batch_size = batch;
  row.latency_ms = latency_ms;
  row.pictures_per_second = rate;
  return row;
}

inline Profile example_profile() {
  Profile profile;
  profile.identity = {"0.1.0", std::string(64, 'a'), std::string(64, 'b'), "A CPU", {"avx2", "vnni"}, 2};
  profile.model = "skin-demo 1.0.0";
  profile.made = "2026-01-31T12:00:00Z";
  profile.goal = TuneGoal::throughput;
  profile.measured = {measured("fp32", 1, 1, 40, 25), measured("fp32", 2, 8, 62.5, 31.25)};
  return profile;
}

}  // namespace mediscan::profile
