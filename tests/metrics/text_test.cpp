// The text that Prometheus scrapes: lines of its format, written out by hand after
// https://prometheus.io/docs/instrumenting/exposition_formats/.
#include "metrics/text.hpp"

#include <doctest/doctest.h>

#include <set>
#include <sstream>
#include <string>

#include "metrics/metrics.hpp"

using namespace mediscan;

namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("counters, histograms and gauges stand in the text with their labels") {
  metrics::Metrics metrics;
  auto& counters = metrics.model("skin");
  counters.job_submitted();
  counters.job_submitted();
  counters.job_finished(std::nullopt, {0, 0, 0, 40, 0, 45});
  counters.batch_ran(3);
  metrics.cache(metrics::CacheTier::redis, metrics::CacheEvent::refused);
  const auto text = metrics.prometheus({{{"skin", 1, 1 << 20}}, 77, true});
  CHECK(has_line(text, "# TYPE mediscan_jobs_submitted_total counter"));
  CHECK(has_line(text, R"(mediscan_jobs_submitted_total{model="skin"} 2)"));
  CHECK(has_line(text, R"(mediscan_jobs_total{model="skin",outcome="OK"} 1)"));
  CHECK(has_line(text, R"(mediscan_jobs_total{model="skin",outcome="CANCELLED"} 0)"));  // there before the first
  CHECK(has_line(text, R"(mediscan_jobs_in_flight{model="skin"} 1)"));
  CHECK(has_line(text, R"(mediscan_jobs_queued{model="skin"} 1)"));
  CHECK(has_line(text, R"(mediscan_model_memory_bytes{model="skin"} 1048576)"));
  CHECK(has_line(text, "# TYPE mediscan_stage_duration_seconds histogram"));
  CHECK(has_line(text, R"(mediscan_stage_duration_seconds_bucket{model="skin",stage="inference",le="0.025"} 0)"));
  CHECK(has_line(text, R"(mediscan_stage_duration_seconds_bucket{model="skin",stage="inference",le="0.05"} 1)"));
  CHECK(has_line(text, R"(mediscan_stage_duration_seconds_bucket{model="skin",stage="inference",le="+Inf"} 1)"));
  CHECK(has_line(text, R"(mediscan_stage_duration_seconds_count{model="skin",stage="decode"} 0)"));
  CHECK(has_line(text, R"(mediscan_batch_size_sum{model="skin"} 3)"));
  CHECK(has_line(text, R"(mediscan_model_loads_total{model="skin",outcome="FAILED"} 0)"));
  CHECK(has_line(text, R"(mediscan_model_swaps_total{model="skin",outcome="rolled_back"} 0)"));
  CHECK(has_line(text, R"(mediscan_model_evictions_total{model="skin"} 0)"));
  CHECK(has_line(text, R"(mediscan_cache_requests_total{outcome="refused",tier="redis"} 1)"));
  CHECK(has_line(text, R"(mediscan_cache_evictions_total{tier="memory"} 0)"));
  CHECK(has_line(text, "mediscan_cache_memory_bytes 77"));
  CHECK(has_line(text, "mediscan_redis_circuit_open 1"));
  CHECK(has_line(text, "mediscan_build_info{version=\"" + library_version() + "\"} 1"));
  CHECK(has_line(text, "# TYPE process_threads gauge"));
  CHECK(text.find("\nprocess_resident_memory_bytes ") != std::string::npos);
  CHECK(text.find("\nprocess_open_fds ") != std::string::npos);
}

TEST_CASE("a name with quotes, backslashes and line ends stays one label") {
  metrics::Metrics metrics;
  metrics.model("a\"} 9\nevil 1\\").loaded();
  const auto text = metrics.prometheus({});
  CHECK(has_line(text, R"(mediscan_model_evictions_total{model="a\"} 9\nevil 1\\"} 0)"));
  CHECK_FALSE(has_line(text, "evil 1\\"));
  CHECK(text.find("\nevil") == std::string::npos);
}

TEST_CASE("GPUs stand in the text when there are any, by number and name") {
  MetricsSnapshot snapshot;
  CHECK(metrics::prometheus_text({}, snapshot).find("gpu") == std::string::npos);
  snapshot.gpus = {{"0", "NVIDIA \"H100\"", 0.25, 5, 80}, {"1", "bad \xFF", 1, 6, 16}};
  const auto text = metrics::prometheus_text({}, snapshot);
  CHECK(has_line(text, R"(mediscan_gpu_utilization_ratio{gpu="0",name="NVIDIA \"H100\""} 0.25)"));
  CHECK(has_line(text, R"(mediscan_gpu_memory_used_bytes{gpu="0",name="NVIDIA \"H100\""} 5)"));
  CHECK(has_line(text, "mediscan_gpu_memory_total_bytes{gpu=\"1\",name=\"bad \xEF\xBF\xBD\"} 16"));
}

TEST_CASE("no series stands twice, and the order is the same every time") {
  metrics::Metrics metrics;
  for (const char* name : {"b", "a", "c"}) metrics.model(name);
  const auto text = metrics.prometheus({{{"a", 1, 1}, {"d", 1, 1}}, 0, false});
  std::istringstream lines(text);
  std::set<std::string> seen;
  std::size_t families = 0;
  for (std::string line; std::getline(lines, line);) {
    CHECK(seen.insert(line.substr(0, line.rfind(' '))).second);
    if (line.rfind("# TYPE", 0) == 0) ++families;
  }
  CHECK(families == 18);  // the table of docs/metrics.md, without its three of GPUs
  CHECK(text.find(R"(evictions_total{model="a"})") < text.find(R"(evictions_total{model="b"})"));
}

TEST_CASE("counts of millions are written in full") {
  MetricsSnapshot snapshot;
  snapshot.cache.memory_bytes = 123'456'789'012;
  CHECK(has_line(metrics::prometheus_text({}, snapshot), "mediscan_cache_memory_bytes 123456789012"));
}
