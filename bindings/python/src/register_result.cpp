// The JSON text of results. Results themselves cross as dataclasses, see result_caster.hpp.
#include <mediscan/result.hpp>
#include <string>

#include "registers.hpp"
#include "result_caster.hpp"

namespace mediscan::python {

void register_result(py::module_& module) {
  module.def(
      "result_json", [](const Result& result, int indent) { return to_json(result, indent); }, py::arg("result"),
      py::arg("indent"), "JSON text of a result, as docs/result.md describes it.");
}

}  // namespace mediscan::python
