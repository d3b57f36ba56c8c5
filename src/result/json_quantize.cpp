// The report of a quantisation as JSON.
#include <mediscan/quantize.hpp>

#include "result/json_parts.hpp"

namespace mediscan {
namespace result {
namespace {

Json layers_json(const std::vector<QuantizedLayer>& layers) {
  Json list = Json::array();
  for (const QuantizedLayer& layer : layers) {
    Json item = Json::object();
    item["name"] = layer.name;
    item["seen"] = {layer.lowest, layer.highest};
    item["range"] = {layer.from, layer.to};
    item["sqnr_db"] = layer.sqnr_db;
    list.push_back(std::move(item));
  }
  return list;
}

Json kept_json(const QuantizeReport& report) {
  Json list = Json::array();
  for (const KeptUnit& unit : report.kept) {
    list.push_back({{"name", unit.name}, {"logit_error", unit.logit_error}});
  }
  Json json = Json::object();
  json["count"] = report.kept.size();
  json["of"] = report.units;
  json["because"] = report.kept_because.empty() ? Json(nullptr) : Json(report.kept_because);
  json["units"] = std::move(list);
  return json;
}

Json agreement_json(const Agreement& agreement) {
  Json json = Json::object();
  json["pictures"] = agreement.pictures;
  json["same_decisions"] = agreement.same_decisions;
  json["largest_difference"] = agreement.largest_difference;
  json["mean_difference"] = agreement.mean_difference;
  json["decisions"] = agreement.decisions;
  json["decided_alike"] = agreement.decided_alike;
  return json;
}

Json self_test_json(const SelfTestRecord& record) {
  Json json = Json::object();
  json["largest_difference"] = record.largest_difference;
  json["tolerance"] = record.tolerance;
  return json;
}

Json unused_json(const std::vector<UnusedPicture>& unused) {
  Json list = Json::array();
  for (const UnusedPicture& picture : unused) {
    list.push_back(Json::parse(to_json(picture.error, picture.path.string())));
  }
  return list;
}

}  // namespace
}  // namespace result

std::string to_json(const QuantizeReport& report, int indent) {
  using result::Json;
  Json json = Json::object();
  json["directory"] = report.directory.string();
  json["source"] = result::model_json(report.source);
  json["model"] = result::model_json(report.model);
  json["calibration"] = name_of(report.calibration);
  json["source_weight_bytes"] = report.source_weight_bytes;
  json["weight_bytes"] = report.weight_bytes;
  json["agreement"] = result::agreement_json(report.agreement);
  json["self_test"] = result::self_test_json(report.self_test);
  json["kept_higher"] = result::kept_json(report);
  json["layers"] = result::layers_json(report.layers);
  json["unused"] = result::unused_json(report.unused);
  json["notice"] = research_notice;
  return result::text_of(json, indent);
}

}  // namespace mediscan
