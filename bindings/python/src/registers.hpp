// One function a register_<subject>.cpp; each adds its subject to the extension module.
#pragma once

#include <pybind11/pybind11.h>

namespace mediscan::python {

namespace py = pybind11;

void register_analyzer(py::module_& module);
void register_errors(py::module_& module);
void register_image(py::module_& module);
void register_job(py::module_& module);
void register_model(py::module_& module);
void register_quantize(py::module_& module);
void register_result(py::module_& module);
void register_system(py::module_& module);
void register_tune(py::module_& module);

}  // namespace mediscan::python
