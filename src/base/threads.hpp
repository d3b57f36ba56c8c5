// The thread budget of the process: how many threads its CPU share carries. It only answers; it never changes the
// host's settings.
#pragma once

#include <filesystem>
#include <optional>
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

/// CPUs that the cgroups of a process leave it: the tightest quota on the way from its own group up to the root, since
/// a parent's limit binds its children. Nothing when no group has one.
std::optional<double> cgroup_quota(const std::filesystem::path& cgroup_root, const std::filesystem::path& self_cgroup);

}  // namespace mediscan::base
