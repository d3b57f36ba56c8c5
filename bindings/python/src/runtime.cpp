#include "runtime.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

namespace mediscan::python {
namespace {

struct IdleCheck {
  std::weak_ptr<void> of;
  std::function<bool()> is_idle;
};

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): the process has one interpreter
std::atomic<int> calls_in_flight{0};
std::atomic<bool> shutting_down{false};
std::atomic<std::thread::id> ending_thread{};   // the one that ends the interpreter
std::vector<IdleCheck>* idle_checks = nullptr;  // never freed; guarded by the GIL
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

bool all_idle() {
  if (idle_checks == nullptr) return true;
  std::erase_if(*idle_checks, [](const IdleCheck& check) { return check.is_idle(); });
  return idle_checks->empty();
}

/// Looks at signals between short sleeps, so that Ctrl-C ends even this wait.
void shut_down() {
  ending_thread = std::this_thread::get_id();
  shutting_down = true;
  while (calls_in_flight > 0 || !all_idle()) {
    {
      const py::gil_scoped_release released;  // those in flight need it to come back
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  }
}

/// Stops a daemon thread where it is, as CPython stops those that ask for the GIL a moment later. An error would go up
/// to threading.excepthook, and its printing meets an interpreter half gone: "Fatal Python error". Non-daemon threads
/// have ended before atexit.
[[noreturn]] void stand_still() {
  const py::gil_scoped_release released;
  for (;;) ::pause();
}

/// The calls of other threads did not come along into a child made by fork().
void forget_calls() { calls_in_flight = 0; }

}  // namespace

CallInFlight::CallInFlight() {
  ++calls_in_flight;
  if (!shutting_down) return;
  --calls_in_flight;
  if (ending_thread.load() != std::this_thread::get_id()) stand_still();
  throw Error(ErrorCode::shut_down, Stage::schedule, "the Python interpreter is exiting: MediScan takes no more work",
              "end the threads that use MediScan before the program ends");
}

CallInFlight::~CallInFlight() { --calls_in_flight; }

py::str text(std::string_view utf8) {
  PyObject* decoded = PyUnicode_DecodeUTF8(utf8.data(), static_cast<py::ssize_t>(utf8.size()), "replace");
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}

std::filesystem::path path_of(const py::bytes& path) { return std::string_view(path); }

void wait_at_exit_for(std::weak_ptr<void> object, std::function<bool()> is_idle) {
  if (idle_checks == nullptr) idle_checks = new std::vector<IdleCheck>;
  std::erase_if(*idle_checks, [](const IdleCheck& check) { return check.of.expired(); });
  idle_checks->push_back({std::move(object), std::move(is_idle)});
}

void register_runtime(py::module_& module) {
  ::pthread_atfork(nullptr, nullptr, forget_calls);
  module.def("shut_down", shut_down, "Refuse new calls and return when the work in flight has ended.");
  py::module_::import("atexit").attr("register")(module.attr("shut_down"));
}

}  // namespace mediscan::python
