// The thread budget, on made-up cgroup folders. File formats: the kernel's Documentation/admin-guide/cgroup-v2.rst
// (cpu.max) and Documentation/scheduler/sched-bwc.rst (cfs_quota_us).
#include "base/threads.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "errors.hpp"
#include "temporary_folder.hpp"

using mediscan::ErrorCode;
using mediscan::base::cgroup_quota;
using mediscan::base::thread_budget;
using mediscan::test::contains;
using mediscan::test::error_of;
using mediscan::test::TemporaryFolder;
using mediscan::test::write_file;

namespace {

/// A cgroup file system and a /proc/self/cgroup of a test's own.
class FakeCgroups {
 public:
  explicit FakeCgroups(std::string_view self) { write_file(self_path(), self); }

  void write(const std::filesystem::path& inside, std::string_view content) const {
    std::filesystem::create_directories((root() / inside).parent_path());
    write_file(root() / inside, content);
  }
  [[nodiscard]] std::filesystem::path root() const { return folder_.path() / "cgroup"; }
  [[nodiscard]] std::filesystem::path self_path() const { return folder_.path() / "self"; }
  [[nodiscard]] std::optional<double> quota() const { return cgroup_quota(root(), self_path()); }

 private:
  TemporaryFolder folder_;
};

/// MEDISCAN_THREADS for one test.
class EnvironmentThreads {
 public:
  explicit EnvironmentThreads(const char* value) {
    ::setenv("MEDISCAN_THREADS", value, 1);
  }                                                          // NOLINT(concurrency-mt-unsafe)
  ~EnvironmentThreads() { ::unsetenv("MEDISCAN_THREADS"); }  // NOLINT(concurrency-mt-unsafe)
  EnvironmentThreads(const EnvironmentThreads&) = delete;
  EnvironmentThreads& operator=(const EnvironmentThreads&) = delete;
};

int affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  REQUIRE(::sched_getaffinity(0, sizeof set, &set) == 0);
  return CPU_COUNT(&set);
}

}  // namespace

TEST_CASE("cgroup v2: the quota is cpu.max's quota over its period") {
  const FakeCgroups cgroups("0::/\n");
  CHECK_FALSE(cgroups.quota());
  cgroups.write("cpu.max", "150000 100000\n");
  CHECK(cgroups.quota() == 1.5);
  cgroups.write("cpu.max", "max 100000\n");
  CHECK_FALSE(cgroups.quota());
}

TEST_CASE("cgroup v2: the tightest group on the way up binds") {
  const FakeCgroups cgroups("0::/pod.slice/container\n");
  cgroups.write("pod.slice/container/cpu.max", "400000 100000\n");
  CHECK(cgroups.quota() == 4.0);
  cgroups.write("pod.slice/cpu.max", "250000 100000\n");
  CHECK(cgroups.quota() == 2.5);
  cgroups.write("cpu.max", "100000 100000\n");
  CHECK(cgroups.quota() == 1.0);
  cgroups.write("pod.slice/container/cpu.max", "50000 100000\n");
  CHECK(cgroups.quota() == 0.5);
}

TEST_CASE("cgroup v1: the quota is cfs_quota_us over cfs_period_us of the cpu controller") {
  const FakeCgroups cgroups("5:memory:/elsewhere\n4:cpu,cpuacct:/docker/abc\n");
  cgroups.write("cpu/docker/abc/cpu.cfs_quota_us", "300000\n");
  cgroups.write("cpu/docker/abc/cpu.cfs_period_us", "100000\n");
  CHECK(cgroups.quota() == 3.0);
  cgroups.write("cpu/docker/cpu.cfs_quota_us", "-1\n");  // no limit
  cgroups.write("cpu/docker/cpu.cfs_period_us", "100000\n");
  CHECK(cgroups.quota() == 3.0);
  cgroups.write("cpu/cpu.cfs_quota_us", "200000\n");  // inside a container the root is the container's own group
  cgroups.write("cpu/cpu.cfs_period_us", "100000\n");
  CHECK(cgroups.quota() == 2.0);
}

TEST_CASE("a controller whose name only begins with cpu is not the cpu controller") {
  const FakeCgroups cgroups("4:cpuset,cpuacct:/\n");
  cgroups.write("cpu/cpu.cfs_quota_us", "100000\n");
  cgroups.write("cpu/cpu.cfs_period_us", "100000\n");
  CHECK_FALSE(cgroups.quota());
}

TEST_CASE("cgroup files that make no sense set no limit") {
  const FakeCgroups cgroups("nonsense\n0::/\n");
  for (const char* content : {"", "abc 100000", "100000", "100000 0", "-5 100000", "0 100000"}) {
    cgroups.write("cpu.max", content);
    CHECK_MESSAGE(!cgroups.quota(), content);
  }
  CHECK_FALSE(cgroup_quota(cgroups.root(), "/nonexistent/self"));
}

TEST_CASE("the budget is the smaller of affinity and quota, rounded up, at least one") {
  const FakeCgroups cgroups("0::/\n");
  const auto unlimited = thread_budget(0, cgroups.root(), cgroups.self_path());
  CHECK(unlimited.threads == affinity());
  CHECK(unlimited.source == "affinity");
  cgroups.write("cpu.max", "100000000 1000\n");  // more than any machine has
  CHECK(thread_budget(0, cgroups.root(), cgroups.self_path()).threads == affinity());
  cgroups.write("cpu.max", "20000 100000\n");
  const auto tight = thread_budget(0, cgroups.root(), cgroups.self_path());
  CHECK(tight.threads == 1);
  if (affinity() > 1) CHECK(tight.source == "cgroup quota");
}

TEST_CASE("a quota of one and a half CPUs carries two threads") {
  if (affinity() < 3) {
    std::puts("MEDISCAN_SKIP: needs three CPUs to tell the quota from the affinity");
    return;
  }
  const FakeCgroups cgroups("0::/\n");
  cgroups.write("cpu.max", "150000 100000\n");
  const auto budget = thread_budget(0, cgroups.root(), cgroups.self_path());
  CHECK(budget.threads == 2);
  CHECK(budget.source == "cgroup quota");
}

TEST_CASE("an option goes before MEDISCAN_THREADS, which goes before what the system says") {
  const FakeCgroups cgroups("0::/\n");
  const EnvironmentThreads environment("7");
  CHECK(thread_budget(3, cgroups.root(), cgroups.self_path()).threads == 3);
  CHECK(thread_budget(3, cgroups.root(), cgroups.self_path()).source == "option");
  CHECK(thread_budget(0, cgroups.root(), cgroups.self_path()).threads == 7);
  CHECK(thread_budget(0, cgroups.root(), cgroups.self_path()).source == "MEDISCAN_THREADS");
}

TEST_CASE("an empty MEDISCAN_THREADS is as none") {
  const FakeCgroups cgroups("0::/\n");
  const EnvironmentThreads environment("");
  CHECK(thread_budget(0, cgroups.root(), cgroups.self_path()).source == "affinity");
}

TEST_CASE("impossible thread counts are refused with what was found and what is possible") {
  for (const int threads : {-1, 1025}) {
    const auto error = error_of([&] { thread_budget(threads); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(error.message() == "threads is " + std::to_string(threads) + ", expected 0 (automatic) to 1024");
  }
  for (const char* text : {"0", "-2", "1025", "two", "2x", " 2", "99999999999999"}) {
    const EnvironmentThreads environment(text);
    const auto error = error_of([&] { thread_budget(0); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(error.message() ==
          "MEDISCAN_THREADS is \"" + std::string(text) + "\", expected a whole number from 1 to 1024");
    CHECK(contains(error.hint(), "unset it"));
  }
}
