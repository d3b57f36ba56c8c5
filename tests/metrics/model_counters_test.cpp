// What each call counts for a model, and that many threads lose nothing.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "metrics/metrics.hpp"

using namespace mediscan;

namespace {

ModelMetrics only_model(const metrics::Metrics& metrics) {
  const auto snapshot = metrics.snapshot({});
  REQUIRE(snapshot.models.size() == 1);
  return snapshot.models.front();
}

std::uint64_t sum(const std::vector<std::uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
/// decode, preprocess, queue, inference, postprocess, total; in milliseconds.
constexpr Timing timing{4, 0.3, 0.05, 40, 0.2, 45};

// A job must not fail because it is counted.
static_assert(noexcept(std::declval<metrics::ModelCounters&>().job_submitted()) && noexcept(
    std::declval<metrics::ModelCounters&>().job_finished(
        {},
        timing)) && noexcept(std::declval<metrics::ModelCounters&>()
                                 .job_refused(
                                     ErrorCode::
                                         internal)) && noexcept(std::declval<metrics::ModelCounters&>()
                                                                    .batch_ran(
                                                                        1)) && noexcept(std::
                                                                                            declval<metrics::Metrics&>()
                                                                                                .cache({}, {})));

}  // namespace

TEST_CASE("a job is in flight from its acceptance to its end") {
  metrics::Metrics metrics;
  auto& counters = metrics.model("m");
  counters.job_submitted();
  counters.job_submitted();
  CHECK(only_model(metrics).in_flight == 2);
  counters.job_finished(std::nullopt, timing);
  const auto model = only_model(metrics);
  CHECK(model.submitted == 2);
  CHECK(model.succeeded == 1);
  CHECK(model.in_flight == 1);
  CHECK(model.errors.empty());
}

TEST_CASE("times are told in seconds, in the bucket whose bound they do not exceed") {
  metrics::Metrics metrics;
  metrics.model("m").job_finished(std::nullopt, timing);
  metrics.model("m").job_finished(std::nullopt, {5, 0, 0, 100'000, 0, 100'005});
  const auto model = only_model(metrics);
  CHECK(model.decode_seconds.count == 2);
  CHECK(model.decode_seconds.sum == doctest::Approx(0.009));
  CHECK(model.total_seconds.sum == doctest::Approx(100.05));
  const auto bucket_of = [](const Histogram& histogram, double bound) {
    const auto at = std::find(histogram.bounds.begin(), histogram.bounds.end(), bound) - histogram.bounds.begin();
    return histogram.counts.at(static_cast<std::size_t>(at));
  };
  CHECK(bucket_of(model.decode_seconds, 0.005) == 2);  // 4 ms, and 5 ms exactly: bounds are inclusive
  CHECK(bucket_of(model.inference_seconds, 0.05) == 1);
  CHECK(model.inference_seconds.counts.back() == 1);  // 100 s lies beyond the last bound
  CHECK(model.inference_seconds.counts.size() == model.inference_seconds.bounds.size() + 1);
  CHECK(model.inference_seconds.bounds.front() == doctest::Approx(0.0001));
  CHECK(model.inference_seconds.bounds.back() == doctest::Approx(60));
}

TEST_CASE("a stage that did not happen has no observation") {
  metrics::Metrics metrics;
  metrics.model("m").job_finished(std::nullopt, {0, 1, 1, 1, 1, 4});  // pixels: nothing to decode
  const auto model = only_model(metrics);
  CHECK(model.decode_seconds.count == 0);
  CHECK(model.preprocess_seconds.count == 1);
  CHECK(model.total_seconds.count == 1);
}

TEST_CASE("a failed job counts its error, and of its times only the total") {
  metrics::Metrics metrics;
  auto& counters = metrics.model("m");
  counters.job_submitted();
  counters.job_finished(ErrorCode::corrupt_image, timing);
  const auto model = only_model(metrics);
  CHECK(model.in_flight == 0);
  CHECK(model.succeeded == 0);
  CHECK(model.errors == std::vector<std::pair<std::string, std::uint64_t>>{{"CORRUPT_IMAGE", 1}});
  CHECK(model.decode_seconds.count == 0);
  CHECK(model.total_seconds.count == 1);
}

TEST_CASE("a refused job is among the errors but was never in flight") {
  metrics::Metrics metrics;
  auto& counters = metrics.model("m");
  counters.job_refused(ErrorCode::overloaded);
  counters.job_refused(ErrorCode::overloaded);
  counters.job_refused(ErrorCode::invalid_argument);
  const auto model = only_model(metrics);
  CHECK(model.submitted == 0);
  CHECK(model.in_flight == 0);
  CHECK(model.total_seconds.count == 0);
  CHECK(model.errors == std::vector<std::pair<std::string, std::uint64_t>>{{"INVALID_ARGUMENT", 1}, {"OVERLOADED", 2}});
}

TEST_CASE("numbers that are no error code are counted as UNKNOWN") {
  metrics::Metrics metrics;
  for (const int number : {0, 1, 99, 100, 12345, -1, std::numeric_limits<int>::min()}) {
    metrics.model("m").job_refused(static_cast<ErrorCode>(number));
  }
  CHECK(only_model(metrics).errors == std::vector<std::pair<std::string, std::uint64_t>>{{"UNKNOWN", 7}});
}

TEST_CASE("every error code has a series of its own") {
  metrics::Metrics metrics;
  std::size_t codes = 0;
  for (std::int32_t number = -1000; number <= 1000; ++number) {  // beyond any code there is
    const auto code = static_cast<ErrorCode>(number);
    if (name_of(code) == "UNKNOWN") continue;
    metrics.model("m").job_refused(code);
    ++codes;
  }
  const auto model = only_model(metrics);
  CHECK(model.errors.size() == codes);
  for (const auto& [code, count] : model.errors) {
    CHECK(count == 1);
    CHECK(code != "UNKNOWN");
  }
}

TEST_CASE("a time that is no time spoils no sum") {
  metrics::Metrics metrics;
  auto& counters = metrics.model("m");
  counters.job_finished(std::nullopt, {not_a_number, -1, infinity, 40, -infinity, not_a_number});
  counters.job_finished(std::nullopt, timing);
  const auto model = only_model(metrics);
  CHECK(model.succeeded == 2);
  CHECK(model.decode_seconds.sum == doctest::Approx(0.004));
  CHECK(model.preprocess_seconds.sum == doctest::Approx(0.0003));
  CHECK(model.inference_seconds.count == 2);
  CHECK(model.total_seconds.count == 1);
}

TEST_CASE("batches, loads, swaps and evictions are counted each by its name") {
  metrics::Metrics metrics;
  auto& counters = metrics.model("m");
  for (const std::uint32_t size : {1U, 8U, 8U, 100U}) counters.batch_ran(size);
  counters.loaded();
  for (int i = 0; i < 2; ++i) counters.load_failed();
  for (int i = 0; i < 3; ++i) counters.swapped();
  for (int i = 0; i < 4; ++i) counters.rolled_back();
  for (int i = 0; i < 5; ++i) counters.evicted();
  const auto model = only_model(metrics);
  CHECK(model.batch_size.bounds == std::vector<double>{1, 2, 4, 8, 16, 32, 64});
  CHECK(model.batch_size.counts == std::vector<std::uint64_t>{1, 0, 0, 2, 0, 0, 0, 1});
  CHECK(model.batch_size.sum == doctest::Approx(117));
  CHECK(model.loads == 1);
  CHECK(model.load_failures == 2);
  CHECK(model.swaps == 3);
  CHECK(model.rollbacks == 4);
  CHECK(model.evictions == 5);
}

TEST_CASE("what many threads count at once, scraped meanwhile, adds up exactly") {
  constexpr int thread_count = 8;
  constexpr int jobs = 2000;  // a thread; a quarter fail, and each thread is refused as often
  metrics::Metrics metrics;
  std::vector<std::thread> threads;
  for (int i = 0; i < thread_count; ++i) {
    threads.emplace_back([&] {
      auto& counters = metrics.model("m");  // all find the same
      for (int job = 0; job < jobs; ++job) {
        counters.job_submitted();
        if (job % 4 == 0) counters.job_refused(ErrorCode::overloaded);
        counters.batch_ran(1);
        counters.job_finished(job % 4 == 0 ? std::optional(ErrorCode::cancelled) : std::nullopt, timing);
        metrics.cache(metrics::CacheTier::memory, metrics::CacheEvent::miss);
      }
    });
  }
  for (int scrape = 0; scrape < 20; ++scrape) {
    CHECK(metrics.prometheus({}).find("mediscan_build_info") != std::string::npos);
  }
  for (auto& thread : threads) thread.join();
  constexpr std::uint64_t all = std::uint64_t{thread_count} * jobs;
  const auto model = only_model(metrics);
  CHECK(model.submitted == all);
  CHECK(model.in_flight == 0);
  CHECK(model.succeeded == all / 4 * 3);
  CHECK(model.errors ==
        std::vector<std::pair<std::string, std::uint64_t>>{{"OVERLOADED", all / 4}, {"CANCELLED", all / 4}});
  CHECK(model.total_seconds.count == all);
  CHECK(model.total_seconds.sum == doctest::Approx(static_cast<double>(all) * 0.045));
  CHECK(sum(model.decode_seconds.counts) == all / 4 * 3);
  CHECK(model.batch_size.counts.front() == all);
  CHECK(metrics.snapshot({}).cache.memory_misses == all);
}
