// The thread budget of the process: how many threads its CPU share carries. It only answers; it never changes the
// host's settings.
#pragma once

#include <filesystem>
#include <string>

namespace mediscan::base {

struct ThreadBudget {
  int threads = 1;
  std::string source;  ///< "option", "MEDISCAN_THREADS", "cgroup quota" or "affinity"
};

/// `requested` > 0 is taken as it is (at most 1024, else INVALID_ARGUMENT), then MEDISCAN_THREADS, then the smaller of
/// scheduler affinity and cgroup quota (v2 cpu.max, v1 cpu.cfs_quota_us), rounded up, at least 1. `cgroup_root` and
/// `self_cgroup` are for tests.
ThreadBudget thread_budget(int requested, const std::filesystem::path& cgroup_root = "/sys/fs/cgroup",
                           const std::filesystem::path& self_cgroup = "/proc/self/cgroup");

}  // namespace mediscan::base
