// Work in flight, and the queues in which its end is told. What is done with that is Python's: mediscan/_loops.py for
// event loops, mediscan/_callbacks.py for callbacks.
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <array>
#include <cstdint>
#include <mediscan/job.hpp>
#include <memory>
#include <optional>
#include <string>

#include "errors.hpp"
#include "log_queue.hpp"
#include "registers.hpp"
#include "result_caster.hpp"
#include "runtime.hpp"

namespace mediscan::python {
namespace {

/// Waits so that Ctrl-C and the end of the interpreter are seen.
bool wait(const Job& job, std::optional<double> seconds) {
  if (job.done()) return true;
  return wait_in_slices(seconds, [&](std::chrono::nanoseconds slice) { return job.wait_for(slice); });
}

/// Of a job that is done: waiting for another would be with the GIL.
ResultOrError outcome(const Job& job) {
  const LogDelivery delivery;
  if (!job.done()) {
    throw Error(ErrorCode::invalid_argument, Stage::schedule, "this job is not done: it has no outcome yet",
                "wait first");
  }
  const auto& outcome = job.outcome();
  return py::reinterpret_borrow<ResultOrError>(outcome ? python_result(outcome.value())
                                                       : exception_of(outcome.error()));
}

/// At most so many at once, so that an event loop comes to its other work in between; the descriptor stays readable.
py::typing::List<std::uint64_t> take(CompletionQueue& queue) {
  std::array<std::uint64_t, 256> tags{};
  const std::size_t taken = queue.take(tags);
  py::typing::List<std::uint64_t> list;
  for (std::size_t i = 0; i < taken; ++i) list.append(tags.at(i));
  return list;
}

/// What a callback raises ends with it, and is said as Python says it of destructors.
void call_reporting(const py::object& callback, const py::object& argument) {
  try {
    callback(argument);
  } catch (py::error_already_set& error) {
    error.discard_as_unraisable(callback);
  }
}

}  // namespace

void register_job(py::module_& module) {
  py::class_<CompletionQueue, std::shared_ptr<CompletionQueue>>(module, "CompletionQueue")
      .def(py::init<>())
      .def_property_readonly("fd", &CompletionQueue::fd)
      .def("take", &take);

  py::class_<Job, std::shared_ptr<Job>>(module, "Job")
      .def_property_readonly("state", [](const Job& job) { return name_of(job.state()); })
      .def("done", &Job::done)
      .def("wait", &wait, py::arg("seconds"))
      .def("outcome", &outcome)
      .def("cancel", [](const Job& job) { return without_gil([&] { return job.cancel(); }); });

  module.def("call_reporting", &call_reporting, py::arg("callback"), py::arg("argument"),
             "Calls it; what it raises goes to sys.unraisablehook.");
}

}  // namespace mediscan::python
