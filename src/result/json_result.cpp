// Results and errors as JSON: docs/result.md describes every field. Names, order and meaning are a promise to those who
// parse them.
#include <fmt/format.h>

#include <mediscan/error.hpp>
#include <mediscan/result.hpp>

#include "result/json_parts.hpp"

namespace mediscan {
namespace result {
namespace {

Json input_json(const InputRecord& input) {
  return {{"name", input.name},   {"sha256", input.sha256}, {"format", input.format},
          {"width", input.width}, {"height", input.height}, {"bits", input.bits}};
}

Json optional_number(const std::optional<double>& value, const std::string& field) {
  return value ? finite(*value, field) : Json(nullptr);
}

/// What an untrained head gives means nothing: its numbers are null, so that no one reads them as scores.
Json finding_json(const Finding& finding, const std::string& path) {
  return {{"code", finding.code},
          {"label", finding.label},
          {"snomed", or_null(finding.snomed)},
          {"logit", finding.available ? finite(finding.logit, path + ".logit") : Json(nullptr)},
          {"probability", optional_number(finding.probability, path + ".probability")},
          {"operating_point", optional_number(finding.operating_point, path + ".operating_point")},
          {"decision", or_null(finding.decision)},
          {"available", finding.available}};
}

Json findings_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (std::size_t i = 0; i < findings.size(); ++i)
    list.push_back(finding_json(findings[i], fmt::format("findings[{}]", i)));
  return list;
}

Json skin_json(const SkinSummary& skin) {
  return {{"top_code", skin.top_code},
          {"top_label", skin.top_label},
          {"top_probability", finite(skin.top_probability, "summary.skin.top_probability")},
          {"malignant_probability", optional_number(skin.malignant_probability, "summary.skin.malignant_probability")}};
}

Json radiology_json(const RadiologySummary& radiology) {
  Json json = Json::object();
  json["positive_codes"] = radiology.positive_codes;
  json["unavailable"] = radiology.unavailable;
  return json;
}

Json summary_json(const Summary& summary) {
  Json json = Json::object();
  json["skin"] = summary.skin ? skin_json(*summary.skin) : Json(nullptr);
  json["radiology"] = summary.radiology ? radiology_json(*summary.radiology) : Json(nullptr);
  return json;
}

Json timing_json(const Timing& timing) {
  return {{"decode", finite(timing.decode, "timing_ms.decode")},
          {"preprocess", finite(timing.preprocess, "timing_ms.preprocess")},
          {"queue", finite(timing.queue, "timing_ms.queue")},
          {"inference", finite(timing.inference, "timing_ms.inference")},
          {"postprocess", finite(timing.postprocess, "timing_ms.postprocess")},
          {"total", finite(timing.total, "timing_ms.total")}};
}

}  // namespace
}  // namespace result

std::string to_json(const Result& result, int indent) {
  result::Json json = result::Json::object();
  json["input"] = result::input_json(result.input);
  json["model"] = result::model_json(result.model);
  json["preprocess"]["sha256"] = result.preprocess_sha256;
  json["execution"] = result::execution_json(result.execution);
  json["findings"] = result::findings_json(result.findings);
  json["summary"] = result::summary_json(result.summary);
  json["timing_ms"] = result::timing_json(result.timing_ms);
  json["warnings"] = result::warnings_json(result.warnings);
  json["library_version"] = result.library_version;
  json["notice"] = result.notice;
  return result::text_of(json, indent);
}

std::string to_json(const Error& error, std::string_view input_name, int indent) {
  result::Json json = result::Json::object();
  json["error"] = {{"code", name_of(error.code())},
                   {"stage", name_of(error.stage())},
                   {"message", error.message()},
                   {"hint", error.hint()}};
  json["input"]["name"] = input_name;
  json["notice"] = research_notice;
  return result::text_of(json, indent);
}

}  // namespace mediscan
