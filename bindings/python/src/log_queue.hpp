// The library's log lines on their way to logging.getLogger("mediscan"). Any thread may leave one here without the GIL;
// the next call that comes back to Python takes them along.
#pragma once

#include <mediscan/options.hpp>

namespace mediscan::python {

/// For ManagerOptions::log. Keeps the latest 1000 lines when nobody comes for them.
LogCallback queueing_log();

/// Hands what waits to Python's logging at the end of its life. Needs the GIL. What a handler raises goes to
/// sys.unraisablehook: it is no failure of the analysis.
class LogDelivery {
 public:
  LogDelivery() = default;
  ~LogDelivery();
  LogDelivery(const LogDelivery&) = delete;
  LogDelivery& operator=(const LogDelivery&) = delete;
};

/// Keeps the queue whole over fork(). Once, at import.
void register_log_queue();

}  // namespace mediscan::python
