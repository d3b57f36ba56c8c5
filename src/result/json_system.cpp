// What the library finds on this machine and the models it serves, as JSON.
#include <mediscan/system.hpp>

#include "result/json_parts.hpp"

namespace mediscan {
namespace result {
namespace {

Json device_json(const DeviceInfo& device) {
  return {
      {"name", device.name}, {"usable", device.usable}, {"detail", device.detail}, {"precisions", device.precisions}};
}

Json probe_json(const Probe& probe) {
  return {{"place", probe.place}, {"usable", probe.usable}, {"detail", probe.detail}};
}

Json backend_json(const BackendInfo& backend) {
  Json devices = Json::array();
  for (const auto& device : backend.devices) devices.push_back(device_json(device));
  Json probes = Json::array();
  for (const auto& probe : backend.probes) probes.push_back(probe_json(probe));
  return {{"name", backend.name},           {"version", backend.version}, {"available", backend.available},
          {"simulated", backend.simulated}, {"reason", backend.reason},   {"devices", std::move(devices)},
          {"probes", std::move(probes)}};
}

/// Without its numbers when it was not run: a difference of 0 would look like a passed test.
Json self_test_json(const SelfTestRecord& test) {
  return {{"run", test.run},
          {"largest_difference", test.run ? finite_or_null(test.largest_difference) : Json(nullptr)},
          {"tolerance", test.run ? finite_or_null(test.tolerance) : Json(nullptr)}};
}

Json latencies_json(const std::vector<BatchLatency>& latencies) {
  Json list = Json::array();
  for (const auto& latency : latencies) {
    list.push_back({{"batch_size", latency.batch_size},
                    {"mean_ms", finite_or_null(latency.mean_ms)},
                    {"deviation_ms", finite_or_null(latency.deviation_ms)},
                    {"samples", latency.samples}});
  }
  return list;
}

}  // namespace
}  // namespace result

std::string to_json(const SystemReport& report, int indent) {
  result::Json json = result::Json::object();
  json["library_version"] = report.library_version;
  json["simd"] = report.simd;
  json["decoders"] = report.decoders;
  json["threads"] = report.threads;
  json["threads_source"] = report.threads_source;
  json["resident_bytes"] = report.resident_bytes;
  json["backends"] = result::Json::array();
  for (const auto& backend : report.backends) json["backends"].push_back(result::backend_json(backend));
  return result::text_of(json, indent);
}

std::string to_json(const ModelStatus& status, int indent) {
  result::Json json = result::Json::object();
  json["state"] = name_of(status.state);
  json["reason"] = status.reason;
  json["directory"] = status.directory.string();
  json["model"] = result::model_json(status.model);
  json["execution"] = result::execution_json(status.execution);
  json["self_test"] = result::self_test_json(status.self_test);
  json["lanes"] = status.lanes;
  json["threads"] = status.threads;
  json["profile"] = status.profile.string();
  json["warnings"] = result::warnings_json(status.warnings);
  json["load_ms"] = result::finite_or_null(status.load_ms);
  json["phase"] = status.phase;
  json["progress"] = result::finite_or_null(status.progress);
  json["analyses"] = status.analyses;
  json["failures"] = status.failures;
  json["in_flight"] = status.in_flight;
  json["queued"] = status.queued;
  json["memory_bytes"] = status.memory_bytes;
  json["swaps"] = status.swaps;
  json["evictions"] = status.evictions;
  json["latencies"] = result::latencies_json(status.latencies);
  return result::text_of(json, indent);
}

std::string to_json(const EngineStatus& status, int indent) {
  result::Json json = result::Json::object();
  json["threads"] = status.threads;
  json["threads_source"] = status.threads_source;
  json["jobs"] = status.jobs;
  json["max_jobs"] = status.max_jobs;
  json["job_bytes"] = status.job_bytes;
  json["max_job_bytes"] = status.max_job_bytes;
  json["model_bytes"] = status.model_bytes;
  json["max_model_bytes"] = status.max_model_bytes;
  json["cache_bytes"] = status.cache_bytes;
  json["cache_entries"] = status.cache_entries;
  json["redis"] = status.redis;
  json["redis_answers"] = status.redis_answers;
  json["shutting_down"] = status.shutting_down;
  return result::text_of(json, indent);
}

}  // namespace mediscan
