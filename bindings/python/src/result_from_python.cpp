// Results on their way back from Python, for their JSON.
#include <mediscan/result.hpp>
#include <string>
#include <vector>

#include <pybind11/stl.h>

#include "result_caster.hpp"

namespace mediscan::python {
namespace {

/// Reads a dataclass's fields.
class Fields {
 public:
  explicit Fields(py::handle object) : object_(py::reinterpret_borrow<py::object>(object)) {}
  Fields(const Fields& parent, const char* name) : object_(parent.object_.attr(name)) {}

  template <class Value>
  void read(const char* name, Value& value) const {
    value = object_.attr(name).cast<Value>();
  }

  /// Items of a tuple of dataclasses.
  template <class Item>
  void read(const char* name, std::vector<Item>& items, Item (*item_of)(const Fields&)) const {
    for (const py::handle item : object_.attr(name)) items.push_back(item_of(Fields(item)));
  }

  [[nodiscard]] bool has(const char* name) const { return !object_.attr(name).is_none(); }

 private:
  py::object object_;
};

Domain domain_named(const std::string& name) {
  for (const Domain domain : {Domain::skin, Domain::radiology}) {
    if (name_of(domain) == name) return domain;
  }
  return Domain::other;
}

InputRecord input_from(const Fields& fields) {
  InputRecord input;
  fields.read("name", input.name);
  fields.read("sha256", input.sha256);
  fields.read("format", input.format);
  fields.read("width", input.width);
  fields.read("height", input.height);
  fields.read("bits", input.bits);
  return input;
}

ModelRecord model_from(const Fields& fields) {
  ModelRecord model;
  std::string domain;
  fields.read("name", model.name);
  fields.read("version", model.version);
  fields.read("domain", domain);
  fields.read("sha256", model.sha256);
  fields.read("manifest_sha256", model.manifest_sha256);
  model.domain = domain_named(domain);
  return model;
}

ExecutionRecord execution_from(const Fields& fields) {
  ExecutionRecord execution;
  fields.read("backend", execution.backend);
  fields.read("backend_version", execution.backend_version);
  fields.read("device", execution.device);
  fields.read("precision", execution.precision);
  fields.read("batch_size", execution.batch_size);
  fields.read("simulated", execution.simulated);
  fields.read("cached", execution.cached);
  fields.read("fallback_reason", execution.fallback_reason);
  fields.read("precision_reason", execution.precision_reason);
  fields.read("profile_reason", execution.profile_reason);
  return execution;
}

Finding finding_from(const Fields& fields) {
  Finding finding;
  fields.read("code", finding.code);
  fields.read("label", finding.label);
  fields.read("snomed", finding.snomed);
  fields.read("available", finding.available);
  if (fields.has("logit")) fields.read("logit", finding.logit);
  fields.read("probability", finding.probability);
  fields.read("operating_point", finding.operating_point);
  fields.read("decision", finding.decision);
  return finding;
}

Summary summary_from(const Fields& fields) {
  Summary summary;
  if (fields.has("skin")) {
    const Fields skin(fields, "skin");
    auto& of = summary.skin.emplace();
    skin.read("top_code", of.top_code);
    skin.read("top_label", of.top_label);
    skin.read("top_probability", of.top_probability);
    skin.read("malignant_probability", of.malignant_probability);
  }
  if (fields.has("radiology")) {
    const Fields radiology(fields, "radiology");
    auto& of = summary.radiology.emplace();
    radiology.read("positive_codes", of.positive_codes);
    radiology.read("unavailable", of.unavailable);
  }
  return summary;
}

Timing timing_from(const Fields& fields) {
  Timing timing;
  fields.read("decode", timing.decode);
  fields.read("preprocess", timing.preprocess);
  fields.read("queue", timing.queue);
  fields.read("inference", timing.inference);
  fields.read("postprocess", timing.postprocess);
  fields.read("total", timing.total);
  return timing;
}

Warning warning_from(const Fields& fields) {
  Warning warning;
  fields.read("code", warning.code);
  fields.read("message", warning.message);
  return warning;
}

}  // namespace

Result native_result(py::handle result) {
  const Fields fields(result);
  Result native;
  native.input = input_from(Fields(fields, "input"));
  native.model = model_from(Fields(fields, "model"));
  fields.read("preprocess_sha256", native.preprocess_sha256);
  native.execution = execution_from(Fields(fields, "execution"));
  fields.read("findings", native.findings, finding_from);
  native.summary = summary_from(Fields(fields, "summary"));
  native.timing_ms = timing_from(Fields(fields, "timing_ms"));
  fields.read("warnings", native.warnings, warning_from);
  fields.read("library_version", native.library_version);
  fields.read("notice", native.notice);
  return native;
}

}  // namespace mediscan::python
