// Results on their way to Python.
#include <mediscan/result.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include "result_caster.hpp"
#include "runtime.hpp"

namespace mediscan::python {
namespace {

/// A dataclass of mediscan.results. Fills the slots of an instance itself: the __init__ of a frozen dataclass goes
/// through object.__setattr__ by name, which takes three times as long, and this runs once a finding.
class RecordClass {
 public:
  RecordClass(const py::module_& results, const char* name)
      : class_(results.attr(name)), fields_(class_.attr("__match_args__")) {}

  /// An instance with these values for its fields, in their order.
  template <class... Values>
  py::object operator()(Values&&... values) const {
    if (fields_.size() != sizeof...(values))
      throw py::type_error("a dataclass of mediscan.results has other fields in C++");
    auto* const type = reinterpret_cast<PyTypeObject*>(class_.ptr());
    auto instance = py::reinterpret_steal<py::object>(type->tp_alloc(type, 0));
    if (!instance) throw py::error_already_set();
    py::ssize_t field = 0;
    (fill(instance, field++, object_of(std::forward<Values>(values))), ...);
    return instance;
  }

 private:
  template <class Value>
  static py::object object_of(Value&& value) {
    if constexpr (std::is_base_of_v<py::object, std::remove_cvref_t<Value>>) {
      return std::forward<Value>(value);
    } else {
      return py::cast(std::forward<Value>(value));
    }
  }

  void fill(const py::object& instance, py::ssize_t field, const py::object& value) const {
    PyObject* const name = PyTuple_GET_ITEM(fields_.ptr(), field);
    if (PyObject_GenericSetAttr(instance.ptr(), name, value.ptr()) != 0) throw py::error_already_set();
  }

  py::object class_;
  py::tuple fields_;
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

py::object findings_of(const py::module_& results, const std::vector<Finding>& findings) {
  const RecordClass finding_class(results, "Finding");
  return tuple_of(findings, [&](const Finding& finding) {
    return finding_class(text(finding.code), text(finding.label), or_none(finding.snomed), logit_of(finding),
                         finding.probability, finding.operating_point, finding.decision, finding.available);
  });
}

py::object summary_of(const py::module_& results, const Summary& summary) {
  py::object skin = py::none();
  py::object radiology = py::none();
  if (const auto& of = summary.skin) {
    skin = RecordClass(results, "SkinSummary")(text(of->top_code), text(of->top_label), of->top_probability,
                                               of->malignant_probability);
  }
  if (const auto& of = summary.radiology) {
    radiology = RecordClass(results, "RadiologySummary")(
        tuple_of(of->positive_codes, [](const std::string& code) { return text(code); }), of->unavailable);
  }
  return RecordClass(results, "Summary")(skin, radiology);
}

}  // namespace

py::object python_result(const Result& result) {
  // Asked for each time: a static would outlive the interpreter.
  const auto results = py::module_::import("mediscan.results");
  const auto& input = result.input;
  const auto& model = result.model;
  const auto& execution = result.execution;
  const auto& timing = result.timing_ms;
  return RecordClass(results, "Result")(
      RecordClass(results, "InputRecord")(text(input.name), input.sha256, input.format, input.width, input.height,
                                          input.bits),
      RecordClass(results, "ModelRecord")(text(model.name), text(model.version), name_of(model.domain), model.sha256,
                                          model.manifest_sha256),
      result.preprocess_sha256,
      RecordClass(results, "ExecutionRecord")(execution.backend, execution.backend_version, execution.device,
                                              execution.precision, execution.batch_size, execution.simulated,
                                              execution.cached, or_none(execution.fallback_reason),
                                              or_none(execution.precision_reason), or_none(execution.profile_reason)),
      findings_of(results, result.findings), summary_of(results, result.summary),
      RecordClass(results, "Timing")(timing.decode, timing.preprocess, timing.queue, timing.inference,
                                     timing.postprocess, timing.total),
      tuple_of(
          result.warnings,
          [&](const Warning& warning) { return RecordClass(results, "Warning")(warning.code, text(warning.message)); }),
      result.library_version, result.notice);
}

}  // namespace mediscan::python
