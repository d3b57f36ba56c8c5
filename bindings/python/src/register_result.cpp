// Results on their way to Python and, for to_json, back.
#include <pybind11/stl.h>

#include <mediscan/result.hpp>
#include <string>

#include "registers.hpp"
#include "result_caster.hpp"
#include "runtime.hpp"

namespace mediscan::python {
namespace {

/// The dataclasses of mediscan.results. Asked of the module each time: a static would outlive the interpreter.
class ResultClasses {
 public:
  template <class... Values>
  py::object make(const char* name, Values&&... values) const {
    return module_.attr(name)(std::forward<Values>(values)...);
  }

 private:
  py::module_ module_ = py::module_::import("mediscan.results");
};

py::object or_none(const std::optional<std::string>& value) { return value ? py::object(text(*value)) : py::none(); }

/// What an untrained output gives means nothing: its logit is None, as in the JSON.
py::object logit_of(const Finding& finding) {
  return finding.available ? py::object(py::float_(finding.logit)) : py::none();
}

template <class Items, class Make>
py::tuple tuple_of(const Items& items, Make&& make) {
  py::tuple tuple(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) tuple[i] = make(items[i]);
  return tuple;
}

py::object findings_of(const ResultClasses& classes, const std::vector<Finding>& findings) {
  return tuple_of(findings, [&](const Finding& finding) {
    return classes.make("Finding", text(finding.code), text(finding.label), or_none(finding.snomed), logit_of(finding),
                        finding.probability, finding.operating_point, finding.decision, finding.available);
  });
}

py::object summary_of(const ResultClasses& classes, const Summary& summary) {
  py::object skin = py::none();
  py::object radiology = py::none();
  if (const auto& of = summary.skin) {
    skin = classes.make("SkinSummary", text(of->top_code), text(of->top_label), of->top_probability,
                        of->malignant_probability);
  }
  if (const auto& of = summary.radiology) {
    radiology =
        classes.make("RadiologySummary",
                     tuple_of(of->positive_codes, [](const std::string& code) { return text(code); }), of->unavailable);
  }
  return classes.make("Summary", skin, radiology);
}

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
  fields.read("fallback_reason", execution.fallback_reason);
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

py::object python_result(const Result& result) {
  const ResultClasses classes;
  const auto& input = result.input;
  const auto& model = result.model;
  const auto& execution = result.execution;
  const auto& timing = result.timing_ms;
  return classes.make(
      "Result",
      classes.make("InputRecord", text(input.name), input.sha256, input.format, input.width, input.height, input.bits),
      classes.make("ModelRecord", text(model.name), text(model.version), name_of(model.domain), model.sha256,
                   model.manifest_sha256),
      result.preprocess_sha256,
      classes.make("ExecutionRecord", execution.backend, execution.backend_version, execution.device,
                   execution.precision, execution.batch_size, execution.simulated, or_none(execution.fallback_reason)),
      findings_of(classes, result.findings), summary_of(classes, result.summary),
      classes.make("Timing", timing.decode, timing.preprocess, timing.queue, timing.inference, timing.postprocess,
                   timing.total),
      tuple_of(result.warnings,
               [&](const Warning& warning) { return classes.make("Warning", warning.code, text(warning.message)); }),
      result.library_version, result.notice);
}

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

void register_result(py::module_& module) {
  module.def(
      "result_json", [](const Result& result, int indent) { return to_json(result, indent); }, py::arg("result"),
      py::arg("indent"), "JSON text of a result, as docs/result.md describes it.");
}

}  // namespace mediscan::python
