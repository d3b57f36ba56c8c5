// The report of a tuning as JSON.
#include <doctest/doctest.h>

#include <mediscan/tune.hpp>
#include <nlohmann/json.hpp>

using namespace mediscan;
using nlohmann::ordered_json;

TEST_CASE("a tuning's report has the promised fields in the promised order") {
  TuneReport report;
  report.directory = "models/skin";
  report.model = {"skin", "1.0.0", Domain::skin, "ab", "cd"};
  report.library_version = "0.1.0";
  report.cpu = "A CPU";
  report.cpu_features = {"avx2"};
  report.threads = 2;
  report.threads_source = "affinity";
  report.load_average = 0.25;
  report.made = "2026-01-31T12:00:00Z";
  report.seconds = 1.5;
  report.rounds = 3;
  report.goal = TuneGoal::throughput;
  report.rows = {{{"torch", "2.15.0", false, "cpu", "fp32", 2, 1}, 8, 12.5, 160.25}};
  report.refused = {{{"torch", "2.15.0", false, "cpu", "bf16", 1, 2},
                     Error(ErrorCode::precision_unsupported, Stage::backend, "no bf16", "take fp32")}};
  report.profile = "/p.json";
  CHECK(
      to_json(report) ==
      R"({"directory":"models/skin","model":{"name":"skin","version":"1.0.0","domain":"skin","sha256":"ab","manifest_sha256":"cd"},)"
      R"("library_version":"0.1.0","machine":{"cpu":"A CPU","features":["avx2"],"threads":2,"threads_source":"affinity","load_average":0.25},)"
      R"("made":"2026-01-31T12:00:00Z","seconds":1.5,"rounds":3,"goal":"throughput",)"
      R"("rows":[{"backend":"torch","backend_version":"2.15.0","simulated":false,"device":"cpu","precision":"fp32","lanes":2,"threads":1,)"
      R"("batch_size":8,"latency_ms":12.5,"pictures_per_second":160.25}],)"
      R"("refused":[{"backend":"torch","backend_version":"2.15.0","simulated":false,"device":"cpu","precision":"bf16","lanes":1,"threads":2,)"
      R"("error":{"code":"PRECISION_UNSUPPORTED","stage":"backend","message":"no bf16","hint":"take fp32"}}],)"
      R"("best_latency":0,"best_throughput":0,"profile":"/p.json","notice":"research use only, not a medical device"})");
}

TEST_CASE("a tuning names paths that are no UTF-8 in valid JSON") {
  TuneReport report;
  report.profile = "\xff.json";
  CHECK(ordered_json::parse(to_json(report))["profile"] == "\xef\xbf\xbd.json");
}
