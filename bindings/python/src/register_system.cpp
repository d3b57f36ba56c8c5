// What the library finds on this machine.
#include <mediscan/result.hpp>
#include <mediscan/system.hpp>

#include "registers.hpp"
#include "runtime.hpp"

namespace mediscan::python {
namespace {

std::string report_json(int threads, const py::bytes& libtorch) {
  ManagerOptions options;
  options.threads = threads;
  options.libtorch = path_of(libtorch);
  return without_gil([&] { return to_json(system_report(options)); });
}

}  // namespace

void register_system(py::module_& module) {
  module.def("system_report_json", &report_json, py::kw_only(), py::arg("threads"), py::arg("libtorch"));
  module.def("library_version", &library_version);
}

}  // namespace mediscan::python
