// How a call leaves Python for the library and comes back: without the GIL, counted, and never into an interpreter that
// is gone. Nothing here knows what is called.
//
// The library's own threads never take the GIL: their log lines wait in a queue (log_queue.hpp), and the ends of jobs
// in a CompletionQueue. So the library can be waited for with or without it, and the interpreter can end at any time
// that no call is in flight.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <limits>
#include <mediscan/error.hpp>
#include <memory>
#include <optional>
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

/// Seconds as Python has them. What is not a number, or reaches beyond a century, becomes the nearest that is in range.
inline std::chrono::nanoseconds duration_of(double seconds) {
  constexpr double century = 3.2e9;
  const double bounded = seconds > 0 ? std::min(seconds, century) : 0;
  return std::max(std::chrono::nanoseconds(seconds > 0 ? 1 : 0),
                  std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(bounded)));
}

/// Seconds in an option whose range the library checks: signs and large values arrive there.
template <class Duration>
Duration rounded(double seconds) {
  constexpr double most = 1e9;
  const double bounded = seconds == seconds ? std::clamp(seconds, -most, most) : -1;  // a NaN is out of every range
  return std::chrono::round<Duration>(std::chrono::duration<double>(bounded));
}

/// Waits for as long (nothing: for ever) with a call that waits for a time and says whether that was enough. Comes back
/// to Python ten times a second, so that Ctrl-C ends the wait, and the end of the interpreter ends the thread.
template <class WaitFor>
bool wait_in_slices(const std::optional<double>& seconds, WaitFor&& wait_for) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::nanoseconds slice = std::chrono::milliseconds(100);
  const auto end = Clock::now() + duration_of(seconds.value_or(std::numeric_limits<double>::infinity()));
  for (;;) {
    const std::chrono::nanoseconds left = end - Clock::now();
    const auto now = std::clamp(left, std::chrono::nanoseconds::zero(), slice);
    if (without_gil([&] { return wait_for(now); })) return true;
    if (left <= slice) return false;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  }
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

/// shut_down() asks `is_idle`, with the GIL, until it is true; no longer once the object is gone. Needs the GIL.
void wait_at_exit_for(std::weak_ptr<void> object, std::function<bool()> is_idle);

/// Registers shut_down() with atexit: from then on calls are SHUT_DOWN, and it returns when the last one in flight has
/// ended and all that wait_at_exit_for() was told is idle, so that no thread is at work in the library while the
/// process takes itself apart.
void register_runtime(py::module_& module);

}  // namespace mediscan::python
