#include <chrono>
#include <exception>
#include <new>

#include "errors.hpp"
#include "registers.hpp"
#include "runtime.hpp"

namespace mediscan::python {
namespace {

/// The class comes from an import at every raise rather than from a static: a static would outlive the interpreter.
void raise(const Error& error) {
  try {
    const py::object exception = exception_of(error);
    PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr());
  } catch (py::error_already_set& failure) {
    failure.restore();
  }
}

void translate(std::exception_ptr pointer) {
  try {
    if (pointer) std::rethrow_exception(std::move(pointer));
  } catch (const Error& error) {
    raise(error);
  } catch (const std::bad_alloc&) {
    raise({ErrorCode::out_of_memory, Stage::analyze, "out of memory", "use fewer or smaller pictures at once"});
  }
}

/// 0 means that nothing is known.
py::object seconds_or_none(std::chrono::milliseconds time) {
  if (time <= std::chrono::milliseconds::zero()) return py::none();
  return py::float_(std::chrono::duration<double>(time).count());
}

}  // namespace

py::object exception_of(const Error& error) {
  return py::module_::import("mediscan.errors")
      .attr("from_code")(static_cast<int>(error.code()), std::string(name_of(error.stage())), text(error.message()),
                         text(error.hint()), seconds_or_none(error.retry_after()));
}

void register_errors(py::module_& module) {
  py::register_local_exception_translator(translate);
  module.def(
      "error_name", [](int code) { return std::string(name_of(static_cast<ErrorCode>(code))); }, py::arg("code"),
      "Upper-case name of an error code; \"UNKNOWN\" for a number that is none.");
}

}  // namespace mediscan::python
