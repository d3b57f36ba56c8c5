// The reading twin of json_result.cpp, field by field in the same order, with the strict reader of the manifests.
#include "result/result_from_json.hpp"

#include <cmath>
#include <limits>
#include <mediscan/error.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bundle/json_parse.hpp"
#include "bundle/json_reader.hpp"
#include "bundle/names.hpp"

namespace mediscan::result {
namespace {

using bundle::JsonReader;

constexpr std::size_t any_count = std::numeric_limits<std::size_t>::max();

double number(const JsonReader& reader) {
  return reader.number([](double value) { return std::isfinite(value); }, "a number");
}

std::uint32_t count(const JsonReader& reader) { return reader.integer32(0, std::numeric_limits<std::uint32_t>::max()); }

/// Nothing for null; a field that is missing fails.
template <class Read>
auto or_nothing(const JsonReader& reader, Read read) -> std::optional<decltype(read(reader))> {
  if (reader.value().is_null()) return std::nullopt;
  return read(reader);
}

std::string text(const JsonReader& reader) { return reader.any_text(); }
bool truth(const JsonReader& reader) { return reader.boolean(); }

InputRecord input_from(const JsonReader& json) {
  json.expect_fields({"name", "sha256", "format", "width", "height", "bits"});
  return {text(json.field("name")),   text(json.field("sha256")),  text(json.field("format")),
          count(json.field("width")), count(json.field("height")), count(json.field("bits"))};
}

ModelRecord model_from(const JsonReader& json) {
  json.expect_fields({"name", "version", "domain", "sha256", "manifest_sha256"});
  return {text(json.field("name")), text(json.field("version")),
          bundle::choice_of(json.field("domain"), bundle::domain_names), text(json.field("sha256")),
          text(json.field("manifest_sha256"))};
}

std::string preprocess_from(const JsonReader& json) {
  json.expect_fields({"sha256"});
  return text(json.field("sha256"));
}

ExecutionRecord execution_from(const JsonReader& json) {
  json.expect_fields({"backend", "backend_version", "device", "precision", "batch_size", "simulated", "cached",
                      "fallback_reason", "precision_reason", "profile_reason"});
  ExecutionRecord execution;
  execution.backend = text(json.field("backend"));
  execution.backend_version = text(json.field("backend_version"));
  execution.device = text(json.field("device"));
  execution.precision = text(json.field("precision"));
  execution.batch_size = count(json.field("batch_size"));
  execution.simulated = truth(json.field("simulated"));
  execution.cached = truth(json.field("cached"));
  execution.fallback_reason = or_nothing(json.field("fallback_reason"), text);
  execution.precision_reason = or_nothing(json.field("precision_reason"), text);
  execution.profile_reason = or_nothing(json.field("profile_reason"), text);
  return execution;
}

Finding finding_from(const JsonReader& json) {
  json.expect_fields({"code", "label", "snomed", "logit", "probability", "operating_point", "decision", "available"});
  Finding finding;
  finding.code = text(json.field("code"));
  finding.label = text(json.field("label"));
  finding.snomed = or_nothing(json.field("snomed"), text);
  finding.available = truth(json.field("available"));
  const JsonReader logit = json.field("logit");
  if (finding.available) {
    finding.logit = number(logit);
  } else if (!logit.value().is_null()) {
    logit.fail("null, as the finding is not available");
  }
  finding.probability = or_nothing(json.field("probability"), number);
  finding.operating_point = or_nothing(json.field("operating_point"), number);
  finding.decision = or_nothing(json.field("decision"), truth);
  return finding;
}

SkinSummary skin_from(const JsonReader& json) {
  json.expect_fields({"top_code", "top_label", "top_probability", "malignant_probability"});
  return {text(json.field("top_code")), text(json.field("top_label")), number(json.field("top_probability")),
          or_nothing(json.field("malignant_probability"), number)};
}

RadiologySummary radiology_from(const JsonReader& json) {
  json.expect_fields({"positive_codes", "unavailable"});
  RadiologySummary radiology;
  for (const auto& code : json.field("positive_codes").elements(0, any_count))
    radiology.positive_codes.push_back(text(code));
  radiology.unavailable = count(json.field("unavailable"));
  return radiology;
}

Summary summary_from(const JsonReader& json) {
  json.expect_fields({"skin", "radiology"});
  return {or_nothing(json.field("skin"), skin_from), or_nothing(json.field("radiology"), radiology_from)};
}

Timing timing_from(const JsonReader& json) {
  json.expect_fields({"decode", "preprocess", "queue", "inference", "postprocess", "total"});
  return {number(json.field("decode")),    number(json.field("preprocess")),  number(json.field("queue")),
          number(json.field("inference")), number(json.field("postprocess")), number(json.field("total"))};
}

Warning warning_from(const JsonReader& json) {
  json.expect_fields({"code", "message"});
  return {text(json.field("code")), text(json.field("message"))};
}

template <class Read>
auto list_from(const JsonReader& json, Read read) {
  std::vector<decltype(read(json))> list;
  const auto elements = json.elements(0, any_count);
  list.reserve(elements.size());
  for (const auto& element : elements) list.push_back(read(element));
  return list;
}

Result read_result(std::string_view json_text) {
  constexpr std::string_view document = "stored result";
  const auto tree = bundle::parse_json(std::as_bytes(std::span(json_text)), document);
  const JsonReader json(tree, document);
  json.expect_fields({"input", "model", "preprocess", "execution", "findings", "summary", "timing_ms", "warnings",
                      "library_version", "notice"});
  Result result;
  result.input = input_from(json.field("input"));
  result.model = model_from(json.field("model"));
  result.preprocess_sha256 = preprocess_from(json.field("preprocess"));
  result.execution = execution_from(json.field("execution"));
  result.findings = list_from(json.field("findings"), finding_from);
  result.summary = summary_from(json.field("summary"));
  result.timing_ms = timing_from(json.field("timing_ms"));
  result.warnings = list_from(json.field("warnings"), warning_from);
  result.library_version = text(json.field("library_version"));
  result.notice = text(json.field("notice"));
  return result;
}

}  // namespace

Result result_from_json(std::string_view text) {
  try {
    return read_result(text);
  } catch (const Error& error) {  // the reader speaks of bundles
    throw Error(ErrorCode::internal, Stage::result, error.message());
  }
}

}  // namespace mediscan::result
