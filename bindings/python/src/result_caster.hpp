// mediscan::Result as Python's frozen dataclass mediscan.results.Result, and back again for its JSON. Field by field
// and without JSON in between: this runs once a picture.
#pragma once

#include <pybind11/pybind11.h>
#include <mediscan/result.hpp>

namespace mediscan::python {

namespace py = pybind11;

/// A Result or, not raised, the exception in its place.
class ResultOrError : public py::object {
  using py::object::object;
};

py::object python_result(const Result& result);
Result native_result(py::handle result);

}  // namespace mediscan::python

namespace pybind11::detail {

template <>
struct handle_type_name<mediscan::python::ResultOrError> {
  static constexpr auto name = const_name("mediscan.results.Result | mediscan.errors.Error");
};

template <>
struct type_caster<mediscan::Result> {
  PYBIND11_TYPE_CASTER(mediscan::Result, const_name("mediscan.results.Result"));

  bool load(handle source, bool /*convert*/) {
    if (!isinstance(source, module_::import("mediscan.results").attr("Result"))) return false;
    value = mediscan::python::native_result(source);
    return true;
  }

  static handle cast(const mediscan::Result& result, return_value_policy /*policy*/, handle /*parent*/) {
    return mediscan::python::python_result(result).release();
  }
};

}  // namespace pybind11::detail
