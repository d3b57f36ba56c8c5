// mediscan_result.
#include <limits>

#include "capi/arguments.hpp"
#include "capi/boundary.hpp"

using namespace mediscan::capi;

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

/// The texts live in the result, which the caller's reference keeps.
mediscan_finding finding_of(const mediscan::Finding& found) {
  mediscan_finding finding{};
  finding.available = found.available ? 1 : 0;
  finding.decision = found.decision ? static_cast<std::int32_t>(*found.decision) : -1;
  finding.code = found.code.c_str();
  finding.label = found.label.c_str();
  finding.snomed = found.snomed ? found.snomed->c_str() : nullptr;
  finding.logit = found.logit;
  finding.probability = found.probability.value_or(nothing);
  finding.operating_point = found.operating_point.value_or(nothing);
  return finding;
}

mediscan_execution execution_of(const mediscan::Result& result) {
  const mediscan::ExecutionRecord& ran = result.execution;
  mediscan_execution execution{};
  execution.simulated = ran.simulated ? 1 : 0;
  execution.batch_size = ran.batch_size;
  execution.warning_count = static_cast<std::uint32_t>(result.warnings.size());
  execution.backend = ran.backend.c_str();
  execution.backend_version = ran.backend_version.c_str();
  execution.device = ran.device.c_str();
  execution.precision = ran.precision.c_str();
  execution.fallback_reason = ran.fallback_reason ? ran.fallback_reason->c_str() : nullptr;
  execution.model_name = result.model.name.c_str();
  execution.model_version = result.model.version.c_str();
  execution.model_sha256 = result.model.sha256.c_str();
  execution.input_sha256 = result.input.sha256.c_str();
  execution.notice = result.notice.c_str();
  execution.decode_ms = result.timing_ms.decode;
  execution.preprocess_ms = result.timing_ms.preprocess;
  execution.queue_ms = result.timing_ms.queue;
  execution.inference_ms = result.timing_ms.inference;
  execution.postprocess_ms = result.timing_ms.postprocess;
  execution.total_ms = result.timing_ms.total;
  execution.cached = ran.cached ? 1 : 0;
  return execution;
}

}  // namespace

size_t mediscan_result_finding_count(const mediscan_result* result) {
  const auto pin = TableOf<mediscan_result>::table().pin(result);
  return pin ? pin->result->findings.size() : 0;
}

mediscan_status mediscan_result_finding(const mediscan_result* result, size_t index, mediscan_finding* finding,
                                        mediscan_error** error) {
  return boundary(error, [&] {
    const auto pin = object_of(result);
    const auto& findings = pin->result->findings;
    if (index >= findings.size()) {
      invalid("index",
              "is " + std::to_string(index) + ", the result has " + std::to_string(findings.size()) + " findings");
    }
    write_struct(finding_of(findings[index]), finding, "mediscan_finding");
  });
}

mediscan_status mediscan_result_execution(const mediscan_result* result, mediscan_execution* execution,
                                          mediscan_error** error) {
  return boundary(error,
                  [&] { write_struct(execution_of(*object_of(result)->result), execution, "mediscan_execution"); });
}

const char* mediscan_result_json(const mediscan_result* result) {
  const auto pin = TableOf<mediscan_result>::table().pin(result);
  if (!pin) return nullptr;
  const mediscan_status made =
      boundary(nullptr, [&] { std::call_once(pin->json_made, [&] { pin->json = to_json(*pin->result); }); });
  return made == MEDISCAN_OK ? pin->json.c_str() : nullptr;
}

mediscan_status mediscan_result_retain(mediscan_result* result) { return retain(result); }
mediscan_status mediscan_result_release(mediscan_result* result) { return release(result); }
