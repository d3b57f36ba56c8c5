// Everything at once: many threads, mixed sizes, priorities, deadlines and cancels on mock, every end counted. Its
// place is under ThreadSanitizer (`make tsan`).
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <mediscan/analyzer.hpp>
#include <numeric>
#include <random>
#include <thread>

#include "base/file.hpp"
#include "bundle_folder.hpp"
#include "errors.hpp"

namespace mediscan {
namespace {

using namespace std::chrono_literals;

/// Again and again while there is no room. False for a deadline that cannot be met; any other refusal fails the test.
bool hand_in(const Analyzer& analyzer, std::span<const std::byte> bytes, const JobOptions& options,
             std::vector<Job>& jobs, std::atomic<int>& overloads) {
  for (;;) {
    try {
      jobs.push_back(analyzer.submit(bytes, options));
      return true;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::deadline_exceeded) return false;
      REQUIRE(error.code() == ErrorCode::overloaded);
      ++overloads;
      std::this_thread::sleep_for(2ms);
    }
  }
}

/// 64 threads hand in 10,000 jobs to a model of so many lanes; every end is counted.
void hand_in_and_count(int lanes) {
  constexpr int threads = 64;
  constexpr int jobs_a_thread = 157;  // 10,048 in all
  const test::TemporaryBundle folder;
  std::vector<std::vector<std::byte>> pictures;
  for (const unsigned side : {8U, 60U, 150U, 300U}) {
    const auto path = folder.path() / (std::to_string(side) + ".png");
    test::write_png(path, side, side / 2 + 3, side);
    pictures.push_back(base::read_file(path, 1 << 24, "max_file_bytes", Stage::decode));
  }
  pictures.emplace_back(40);  // no picture at all

  std::vector<std::atomic<int>> ends(static_cast<std::size_t>(threads) * jobs_a_thread);
  std::atomic<int> accepted{0};
  std::atomic<int> refused{0};                 // for a deadline that cannot be met, then handed in without one
  std::atomic<int> overloads{0};               // and handed in again
  std::array<std::atomic<int>, 4> outcomes{};  // result, cancelled, late, other error
  const auto completions = std::make_shared<CompletionQueue>();
  {
    ManagerOptions options;
    options.max_jobs = 700;  // fewer than could be in flight: some are refused
    if (lanes > 1) options.threads = lanes;
    ModelManager manager(options);
    LoadOptions load;
    load.backend = "mock";
    load.lanes = lanes;
    const Analyzer analyzer(manager.load(folder.path(), load));
    std::vector<std::thread> users;
    for (int user = 0; user < threads; ++user) {
      users.emplace_back([&, user] {
        std::mt19937 random(static_cast<unsigned>(user));
        const auto chance = [&](unsigned one_in) { return random() % one_in == 0; };
        std::vector<Job> mine;
        for (int i = 0; i < jobs_a_thread; ++i) {
          const auto tag = static_cast<std::uint64_t>(user * jobs_a_thread + i);
          JobOptions job;
          job.priority = static_cast<Priority>(static_cast<int>(random() % 3) - 1);
          if (chance(3)) job.timeout = std::chrono::microseconds(random() % 50'000 + 1);
          job.completions = completions;
          job.tag = tag;
          job.on_done = [&, tag](const Job& done) {
            ++ends[tag];
            const Outcome<Result>& outcome = done.outcome();
            const std::size_t kind = outcome                                                  ? 0
                                     : outcome.error().code() == ErrorCode::cancelled         ? 1
                                     : outcome.error().code() == ErrorCode::deadline_exceeded ? 2
                                                                                              : 3;
            ++outcomes[kind];
          };
          const auto& bytes = pictures[random() % pictures.size()];
          if (!hand_in(analyzer, bytes, job, mine, overloads)) {
            ++refused;
            job.timeout = {};
            REQUIRE(hand_in(analyzer, bytes, job, mine, overloads));
          }
          ++accepted;
          if (chance(4)) mine[random() % mine.size()].cancel();
          if (chance(8)) (void)mine.back().wait_for(1ms);
        }
        for (const Job& job : mine) job.wait();
      });
    }
    for (auto& user : users) user.join();
    const MetricsSnapshot metrics = manager.metrics();
    CHECK(metrics.models.front().submitted == static_cast<std::uint64_t>(accepted));
    CHECK(metrics.models.front().in_flight == 0);
    CHECK(manager.drain(10s));
    CHECK(manager.engine_status().jobs == 0);
    CHECK(manager.engine_status().job_bytes == 0);
  }
  // A callback comes after its job's end, and may come after the manager's. 30 s is for one that never comes.
  const auto called = [&] { return std::accumulate(outcomes.begin(), outcomes.end(), 0); };
  const auto latest = std::chrono::steady_clock::now() + 30s;
  while (called() < accepted && std::chrono::steady_clock::now() < latest) std::this_thread::sleep_for(1ms);

  CHECK(accepted == threads * jobs_a_thread);
  int ended = 0;
  for (const auto& end : ends) {
    CHECK(end <= 1);
    ended += end;
  }
  CHECK(ended == accepted);
  std::vector<std::uint64_t> tags(ends.size());
  CHECK(completions->take(tags) == static_cast<std::size_t>(accepted));
  MESSAGE("accepted ", accepted.load(), ", refused ", refused.load(), " (", overloads.load(),
          " times no room); results ", outcomes[0].load(), ", cancelled ", outcomes[1].load(), ", late ",
          outcomes[2].load(), ", other errors ", outcomes[3].load());
  CHECK(outcomes[0] > 0);
  CHECK(outcomes[1] > 0);
  CHECK(outcomes[3] > 0);  // the pictures that are none
}

TEST_CASE("64 threads and 10,000 jobs of mixed sizes, priorities, deadlines and cancels: each ends exactly once") {
  hand_in_and_count(1);
}

TEST_CASE("the same on three lanes: each ends exactly once") { hand_in_and_count(3); }

}  // namespace
}  // namespace mediscan
