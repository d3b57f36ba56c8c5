// Measures what serves a bundle fastest here, and writes the profile that loads go by.
#include <mediscan/error.hpp>
#include <mediscan/tune.hpp>
#include <string>
#include <utility>

#include "registers.hpp"
#include "runtime.hpp"

namespace mediscan::python {
namespace {

TuneGoal goal_named(const std::string& name) {
  for (const TuneGoal goal : {TuneGoal::latency, TuneGoal::throughput}) {
    if (name == name_of(goal)) return goal;
  }
  throw Error(ErrorCode::invalid_argument, Stage::argument, "there is no goal \"" + name + "\"",
              "give \"latency\" or \"throughput\"");
}

// NOLINTNEXTLINE(bugprone-easily-swappable-parameters): Python names each of them
std::string tune_json(const py::bytes& bundle, const std::string& goal, double seconds, std::string backend,
                      int max_batch, int max_lanes, int threads, const py::bytes& libtorch, const py::bytes& profile,
                      bool write_profile) {
  TuneOptions options;
  options.goal = goal_named(goal);
  options.seconds = seconds;
  options.backend = std::move(backend);
  options.max_batch = max_batch;
  options.max_lanes = max_lanes;
  options.threads = threads;
  options.libtorch = path_of(libtorch);
  options.profile = path_of(profile);
  options.write_profile = write_profile;
  return without_gil([&, folder = path_of(bundle)] { return to_json(tune(folder, options)); });
}

}  // namespace

void register_tune(py::module_& module) {
  module.def("tune_json", &tune_json, py::kw_only(), py::arg("bundle"), py::arg("goal"), py::arg("seconds"),
             py::arg("backend"), py::arg("max_batch"), py::arg("max_lanes"), py::arg("threads"), py::arg("libtorch"),
             py::arg("profile"), py::arg("write_profile"));
}

}  // namespace mediscan::python
