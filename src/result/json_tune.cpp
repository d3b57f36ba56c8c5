// The report of a tuning as JSON.
#include <mediscan/tune.hpp>

#include "result/json_parts.hpp"

namespace mediscan {
namespace result {
namespace {

Json configuration_json(const TuneConfiguration& configuration) {
  return {{"backend", configuration.backend},     {"backend_version", configuration.backend_version},
          {"simulated", configuration.simulated}, {"device", configuration.device},
          {"precision", configuration.precision}, {"lanes", configuration.lanes},
          {"threads", configuration.threads}};
}

Json row_json(const TuneRow& row) {
  Json json = configuration_json(row.configuration);
  json["batch_size"] = row.batch_size;
  json["latency_ms"] = row.latency_ms;
  json["pictures_per_second"] = row.pictures_per_second;
  return json;
}

Json refusal_json(const TuneRefusal& refusal) {
  Json json = configuration_json(refusal.configuration);
  json["error"] = Json::parse(to_json(refusal.error, ""))["error"];
  return json;
}

}  // namespace
}  // namespace result

std::string to_json(const TuneReport& report, int indent) {
  using result::Json;
  Json json = Json::object();
  json["directory"] = report.directory.string();
  json["model"] = result::model_json(report.model);
  json["library_version"] = report.library_version;
  json["machine"] = {{"cpu", report.cpu},
                     {"features", report.cpu_features},
                     {"threads", report.threads},
                     {"threads_source", report.threads_source},
                     {"load_average", report.load_average}};
  json["made"] = report.made;
  json["seconds"] = report.seconds;
  json["rounds"] = report.rounds;
  json["goal"] = name_of(report.goal);
  json["rows"] = Json::array();
  for (const TuneRow& row : report.rows) json["rows"].push_back(result::row_json(row));
  json["refused"] = Json::array();
  for (const TuneRefusal& refusal : report.refused) json["refused"].push_back(result::refusal_json(refusal));
  json["best_latency"] = report.best_latency;
  json["best_throughput"] = report.best_throughput;
  json["profile"] = report.profile.string();
  json["notice"] = research_notice;
  return result::text_of(json, indent);
}

}  // namespace mediscan
