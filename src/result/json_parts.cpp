// Shared pieces of the records. The whole records are in json_<subject>.cpp.
#include "result/json_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mediscan/error.hpp>

namespace mediscan::result {

Json model_json(const ModelRecord& model) {
  return {{"name", model.name},
          {"version", model.version},
          {"domain", name_of(model.domain)},
          {"sha256", model.sha256},
          {"manifest_sha256", model.manifest_sha256}};
}

Json execution_json(const ExecutionRecord& execution) {
  return {{"backend", execution.backend},
          {"backend_version", execution.backend_version},
          {"device", execution.device},
          {"precision", execution.precision},
          {"batch_size", execution.batch_size},
          {"simulated", execution.simulated},
          {"cached", execution.cached},
          {"fallback_reason", or_null(execution.fallback_reason)},
          {"precision_reason", or_null(execution.precision_reason)},
          {"profile_reason", or_null(execution.profile_reason)}};
}

Json warnings_json(const std::vector<Warning>& warnings) {
  Json list = Json::array();
  for (const auto& warning : warnings) {
    Json item;
    item["code"] = warning.code;
    item["message"] = warning.message;
    list.push_back(std::move(item));
  }
  return list;
}

Json finite(double value, std::string_view field) {
  if (std::isfinite(value)) return value;
  throw Error(ErrorCode::internal, Stage::result, fmt::format("{} is {}, which no result may hold", field, value),
              "this is a fault in MediScan or in a backend: please report it with the picture's SHA-256");
}

Json finite_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::string text_of(const Json& json, int indent) {
  return json.dump(std::max(indent, -1), ' ', false, Json::error_handler_t::replace);
}

}  // namespace mediscan::result
