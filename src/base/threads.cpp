#include "base/threads.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <mediscan/error.hpp>
#include <sstream>
#include <string_view>
#include <thread>

namespace mediscan::base {
namespace {

constexpr int max_threads = 1024;

int affinity_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));  // more CPUs than cpu_set_t holds
}

std::optional<double> read_number(const std::filesystem::path& path) {
  std::ifstream file(path);
  double value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

/// CPUs that a v2 cgroup's cpu.max ("quota period", or "max period") allows.
std::optional<double> quota_v2(const std::filesystem::path& folder) {
  std::ifstream file(folder / "cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return std::nullopt;
  double value = 0;
  const auto parsed = std::from_chars(quota.data(), quota.data() + quota.size(), value);
  if (parsed.ec != std::errc{} || value <= 0) return std::nullopt;
  return value / period;
}

std::optional<double> quota_v1(const std::filesystem::path& folder) {
  const auto quota = read_number(folder / "cpu.cfs_quota_us");
  const auto period = read_number(folder / "cpu.cfs_period_us");
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota / *period;
}

bool controls_cpu(std::string_view controllers) {
  std::stringstream list{std::string(controllers)};
  for (std::string name; std::getline(list, name, ',');) {
    if (name == "cpu") return true;
  }
  return false;
}

int parse_environment(const char* text) {
  int value = 0;
  const std::string_view view(text);
  const auto parsed = std::from_chars(view.data(), view.data() + view.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != view.data() + view.size() || value < 1 || value > max_threads) {
    throw Error(ErrorCode::invalid_argument, Stage::argument,
                fmt::format("MEDISCAN_THREADS is \"{}\", expected a whole number from 1 to {}", view, max_threads),
                "set it to the number of threads, or unset it");
  }
  return value;
}

}  // namespace

std::optional<double> cgroup_quota(const std::filesystem::path& cgroup_root, const std::filesystem::path& self_cgroup) {
  std::optional<double> tightest;
  const auto consider = [&](std::optional<double> quota) {
    if (quota) tightest = tightest ? std::min(*tightest, *quota) : *quota;
  };
  std::ifstream file(self_cgroup);
  for (std::string line; std::getline(file, line);) {  // "hierarchy:controllers:/path"
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::filesystem::path inside = std::filesystem::path(line.substr(second + 1)).relative_path().lexically_normal();
    const bool v2 = controllers.empty();
    if (!v2 && !controls_cpu(controllers)) continue;
    const std::filesystem::path base = v2 ? cgroup_root : cgroup_root / "cpu";
    for (;; inside = inside.parent_path()) {
      consider(v2 ? quota_v2(base / inside) : quota_v1(base / inside));
      if (inside.empty()) break;
    }
  }
  return tightest;
}

ThreadBudget thread_budget(int requested, const std::filesystem::path& cgroup_root,
                           const std::filesystem::path& self_cgroup) {
  if (requested < 0 || requested > max_threads) {
    throw Error(ErrorCode::invalid_argument, Stage::argument,
                fmt::format("threads is {}, expected 0 (automatic) to {}", requested, max_threads),
                "give the number of threads this process may use, or 0 to find out");
  }
  if (requested > 0) return {requested, "option"};
  if (const char* text = std::getenv("MEDISCAN_THREADS"); text != nullptr && *text != '\0') {
    return {parse_environment(text), "MEDISCAN_THREADS"};
  }
  const int affinity = affinity_threads();
  const auto quota = cgroup_quota(cgroup_root, self_cgroup);
  const int allowed = quota ? std::max(1, static_cast<int>(std::ceil(std::min(*quota, 1024.0)))) : affinity;
  if (allowed < affinity) return {allowed, "cgroup quota"};
  return {affinity, "affinity"};
}

}  // namespace mediscan::base
