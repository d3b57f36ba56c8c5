// Completions of the C ABI: one descriptor for many jobs.
#include <doctest/doctest.h>
#include <poll.h>

#include <array>
#include <set>
#include <vector>

#include "errors.hpp"
#include "forked.hpp"
#include "loaded.hpp"

namespace mediscan::test {
namespace {

Handle<mediscan_completions> made() {
  Handle<mediscan_completions> completions;
  REQUIRE(mediscan_completions_create(&completions.get, nullptr) == MEDISCAN_OK);
  return completions;
}

bool readable(const mediscan_completions* completions, int wait_ms) {
  pollfd entry{mediscan_completions_fd(completions), POLLIN, 0};
  return ::poll(&entry, 1, wait_ms) == 1;
}

constexpr int a_minute = 60'000;

TEST_CASE("the descriptor is readable while tags wait, and every tag comes once") {
  const Loaded loaded;
  const auto completions = made();
  CHECK_FALSE(readable(completions.get, 0));
  auto request = defaults(mediscan_request_init);
  request.completions = completions.get;
  std::vector<Handle<mediscan_job>> jobs;
  for (request.tag = 100; request.tag < 120; ++request.tag) jobs.push_back(loaded.submit(&request));
  std::multiset<std::uint64_t> seen;
  while (seen.size() < jobs.size()) {
    REQUIRE(readable(completions.get, a_minute));
    std::array<std::uint64_t, 3> tags{};
    std::size_t count = 0;
    REQUIRE(mediscan_completions_take(completions.get, tags.data(), tags.size(), &count, nullptr) == MEDISCAN_OK);
    REQUIRE(count >= 1);
    REQUIRE(count <= tags.size());
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(mediscan_job_state(jobs[tags.at(i) - 100].get) == MEDISCAN_JOB_DONE);
      seen.insert(tags.at(i));
    }
  }
  CHECK(std::set(seen.begin(), seen.end()).size() == 20);
  CHECK_FALSE(readable(completions.get, 0));
  std::size_t count = 7;
  CHECK(mediscan_completions_take(completions.get, nullptr, 0, &count, nullptr) == MEDISCAN_OK);
  CHECK(count == 0);
}

TEST_CASE("completions released with jobs in flight leave the jobs alone") {
  Loaded loaded;
  loaded.hold();
  auto request = defaults(mediscan_request_init);
  Handle<mediscan_job> job;
  mediscan_completions* gone = nullptr;
  {
    const auto completions = made();
    gone = completions.get;
    request.completions = gone;
    auto submitted = loaded.submit(&request);
    job.get = std::exchange(submitted.get, nullptr);
  }
  CHECK(mediscan_completions_fd(gone) == -1);
  mediscan_job* none = nullptr;
  CHECK(mediscan_submit(loaded.model.get, loaded.image.get, &request, &none, nullptr) == MEDISCAN_INVALID_ARGUMENT);
  loaded.go_on();
  REQUIRE(ends(job.get));
  CHECK(result_status(job.get) == MEDISCAN_OK);
}

TEST_CASE("what is missing from a call is named") {
  const auto completions = made();
  std::uint64_t tag = 0;
  std::size_t count = 0;
  const auto take = [&](std::uint64_t* tags, std::size_t* counted) {
    return failure_of(
        [&](mediscan_error** error) { return mediscan_completions_take(completions.get, tags, 1, counted, error); });
  };
  CHECK(take(nullptr, &count).message == "tags is NULL");
  CHECK(take(&tag, nullptr).message == "count is NULL");
  CHECK(mediscan_completions_create(nullptr, nullptr) == MEDISCAN_INVALID_ARGUMENT);
  CHECK(mediscan_completions_fd(nullptr) == -1);
  CHECK(mediscan_completions_retain(completions.get) == MEDISCAN_OK);
  CHECK(mediscan_completions_release(completions.get) == MEDISCAN_OK);
}

TEST_CASE("a child made by fork() cannot take its parent's tags, and may have completions of its own") {
  const Loaded loaded;
  const auto completions = made();
  auto request = defaults(mediscan_request_init);
  request.completions = completions.get;
  request.tag = 5;
  const auto job = loaded.submit(&request);
  REQUIRE(readable(completions.get, a_minute));
  const int code = exit_code_of_child([&] {
    std::uint64_t tag = 0;
    std::size_t count = 0;
    if (mediscan_completions_take(completions.get, &tag, 1, &count, nullptr) != MEDISCAN_FORKED) return 2;
    if (mediscan_completions_release(completions.get) != MEDISCAN_OK) return 3;
    mediscan_completions* own = nullptr;
    if (mediscan_completions_create(&own, nullptr) != MEDISCAN_OK) return 4;
    if (mediscan_completions_take(own, &tag, 1, &count, nullptr) != MEDISCAN_OK || count != 0) return 5;
    return mediscan_completions_release(own) == MEDISCAN_OK ? 0 : 6;
  });
  CHECK(code == 0);
  CHECK(readable(completions.get, 0));
  std::uint64_t tag = 0;
  std::size_t count = 0;
  CHECK(mediscan_completions_take(completions.get, &tag, 1, &count, nullptr) == MEDISCAN_OK);
  CHECK(count == 1);
  CHECK(tag == 5);
}

}  // namespace
}  // namespace mediscan::test
