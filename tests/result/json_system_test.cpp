// The machine and the models it serves, as JSON.
#include <doctest/doctest.h>

#include <limits>
#include <mediscan/system.hpp>
#include <nlohmann/json.hpp>

using namespace mediscan;
using nlohmann::ordered_json;

TEST_CASE("a system report has the promised fields in the promised order") {
  SystemReport report;
  report.library_version = "0.1.0";
  report.simd = "avx2";
  report.decoders = {"stb_image 2.30"};
  report.threads = 2;
  report.threads_source = "affinity";
  report.resident_bytes = 1000;
  BackendInfo torch;
  torch.name = "torch";
  torch.version = "2.15.0";
  torch.available = true;
  torch.devices = {{"cpu", true, "Zen 4", {"fp32"}}};
  torch.probes = {{"/usr/lib/libtorch_cpu.so", false, "no such file"}};
  report.backends = {torch};
  CHECK(
      to_json(report) ==
      R"({"library_version":"0.1.0","simd":"avx2","decoders":["stb_image 2.30"],"threads":2,"threads_source":"affinity",)"
      R"("resident_bytes":1000,"backends":[{"name":"torch","version":"2.15.0","available":true,"simulated":false,"reason":"",)"
      R"("devices":[{"name":"cpu","usable":true,"detail":"Zen 4","precisions":["fp32"]}],)"
      R"("probes":[{"place":"/usr/lib/libtorch_cpu.so","usable":false,"detail":"no such file"}]}]})");
}

TEST_CASE("a report without backends and decoders has empty lists") {
  const auto json = ordered_json::parse(to_json(SystemReport{}));
  CHECK(json["backends"].dump() == "[]");
  CHECK(json["decoders"].dump() == "[]");
}

TEST_CASE("a model's status has the promised fields in the promised order") {
  ModelStatus status;
  status.state = ModelState::ready;
  status.directory = "models/skin-demo";
  status.model = {"skin-demo", "1.0.0", Domain::skin, "bb", "cc"};
  status.execution = {"torch", "2.15.0", "cpu", "fp32", 8, false, false, std::nullopt, std::nullopt, std::nullopt};
  status.self_test = {true, 0.25, 0.5};
  status.lanes = 2;
  status.threads = 1;
  status.profile = "/p.json";
  status.warnings = {{"PROFILE_IGNORED", "old"}};
  status.load_ms = 120.5;
  status.phase = "ready";
  status.progress = 1;
  status.analyses = 3;
  status.in_flight = 2;
  status.queued = 1;
  status.memory_bytes = 4096;
  status.swaps = 5;
  status.evictions = 6;
  status.latencies = {{8, 250.5, 1.5, 40}};
  CHECK(
      to_json(status) ==
      R"({"state":"READY","reason":"","directory":"models/skin-demo","model":{"name":"skin-demo","version":"1.0.0","domain":"skin",)"
      R"("sha256":"bb","manifest_sha256":"cc"},"execution":{"backend":"torch","backend_version":"2.15.0","device":"cpu","precision":"fp32","batch_size":8,)"
      R"("simulated":false,"cached":false,"fallback_reason":null,"precision_reason":null,"profile_reason":null},"self_test":{"run":true,"largest_difference":0.25,"tolerance":0.5},)"
      R"("lanes":2,"threads":1,"profile":"/p.json","warnings":[{"code":"PROFILE_IGNORED","message":"old"}],)"
      R"("load_ms":120.5,"phase":"ready","progress":1.0,"analyses":3,"failures":0,"in_flight":2,"queued":1,"memory_bytes":4096,)"
      R"("swaps":5,"evictions":6,"latencies":[{"batch_size":8,"mean_ms":250.5,"deviation_ms":1.5,"samples":40}]})");
}

TEST_CASE("an engine's status has the promised fields in the promised order") {
  EngineStatus status;
  status.threads = 2;
  status.threads_source = "affinity";
  status.jobs = 3;
  status.max_jobs = 1024;
  status.job_bytes = 100;
  status.max_job_bytes = 200;
  status.model_bytes = 300;
  status.max_model_bytes = 400;
  status.cache_bytes = 500;
  status.cache_entries = 6;
  status.redis = true;
  CHECK(to_json(status) ==
        R"({"threads":2,"threads_source":"affinity","jobs":3,"max_jobs":1024,"job_bytes":100,"max_job_bytes":200,)"
        R"("model_bytes":300,"max_model_bytes":400,"cache_bytes":500,"cache_entries":6,"redis":true,)"
        R"("redis_answers":false,"shutting_down":false})");
}

TEST_CASE("a self-test that did not run has no numbers, and one that gave NaN shows null") {
  ModelStatus status;
  CHECK(ordered_json::parse(to_json(status))["self_test"].dump() ==
        R"({"run":false,"largest_difference":null,"tolerance":null})");
  status.self_test = {true, std::numeric_limits<double>::quiet_NaN(), 0.5};
  CHECK(ordered_json::parse(to_json(status))["self_test"].dump() ==
        R"({"run":true,"largest_difference":null,"tolerance":0.5})");
}
