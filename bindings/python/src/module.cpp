// The extension module mediscan._core: the public C++ API for the Python files beside it, which are what users see.
#include <pybind11/pybind11.h>

#include "log_queue.hpp"
#include "registers.hpp"
#include "runtime.hpp"

namespace mediscan::python {
namespace {

void register_all(py::module_& module) {
  module.doc() = "MediScan's C++ API for the package mediscan; private to it.";
  register_runtime(module);
  register_log_queue();
  register_errors(module);
  register_image(module);
  register_result(module);
  register_job(module);
  register_analyzer(module);
  register_model(module);
  register_quantize(module);
  register_system(module);
  register_tune(module);
}

}  // namespace
}  // namespace mediscan::python

PYBIND11_MODULE(_core, module) { mediscan::python::register_all(module); }
