// How a call leaves Python for the library and comes back: without the GIL, counted, and never into an interpreter that
// is gone. Nothing here knows what is called.
//
// The library's own threads never take the GIL: their log lines wait in a queue (log_queue.hpp). So the library can be
// waited for with or without it, and the interpreter can end at any time that no call is in flight.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <filesystem>
#include <mediscan/error.hpp>
#include <memory>
#include <string_view>
#include <utility>

#include "log_queue.hpp"

namespace mediscan::python {

namespace py = pybind11;

/// Counts a call among those in flight for its own life. Needs the GIL. Once shut_down() has begun it throws SHUT_DOWN
/// in the thread that ends the interpreter, and does not return in another.
class CallInFlight {
 public:
  CallInFlight();
  ~CallInFlight();
  CallInFlight(const CallInFlight&) = delete;
  CallInFlight& operator=(const CallInFlight&) = delete;
};

/// Runs `work` without the GIL, then hands the library's log records to Python. Throws what `work` throws.
template <class Work>
auto without_gil(Work&& work) {
  const CallInFlight call;
  const LogDelivery delivery;  // after the GIL is back
  const py::gil_scoped_release released;
  return std::forward<Work>(work)();
}

/// Ends an object whose destructor may wait for work on its lane. In a child made by fork() that work is in another
/// process: the child lets go of the memory instead.
template <class Object>
class WithoutGilDeleter {
 public:
  void operator()(Object* object) const {
    if (::getpid() != home_) return;
    try {
      without_gil([object] { delete object; });
    } catch (const Error&) {  // the interpreter is ending: no other thread has use for the GIL
      delete object;
    }
  }

 private:
  pid_t home_ = ::getpid();
};

template <class Object, class... Arguments>
std::shared_ptr<Object> make_object(Arguments&&... arguments) {
  return {new Object(std::forward<Arguments>(arguments)...), WithoutGilDeleter<Object>{}};
}

/// Text as Python has it; bytes that are no UTF-8 (file names may hold them) become U+FFFD.
py::str text(std::string_view utf8);

/// A path crosses as os.fsencode's bytes: file names need not be text.
std::filesystem::path path_of(const py::bytes& path);

/// Registers shut_down() with atexit: from then on calls are SHUT_DOWN, and it returns when the last one in flight has
/// ended, so that no thread is inside the library while the process takes itself apart.
void register_runtime(py::module_& module);

}  // namespace mediscan::python
