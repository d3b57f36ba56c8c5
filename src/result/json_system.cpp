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
  json["load_ms"] = result::finite_or_null(status.load_ms);
  json["analyses"] = status.analyses;
  json["failures"] = status.failures;
  return result::text_of(json, indent);
}

}  // namespace mediscan
