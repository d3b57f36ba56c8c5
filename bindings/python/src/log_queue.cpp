#include "log_queue.hpp"

#include <pthread.h>
#include <pybind11/pybind11.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime.hpp"

namespace mediscan::python {
namespace {

constexpr std::size_t most_waiting = 1000;

struct Record {
  LogLevel level;
  std::string message;
};

struct Queue {
  std::mutex mutex;
  std::deque<Record> records;
  std::atomic<bool> any{false};
};

Queue& queue() {
  // Never destroyed: lanes outlive static destruction and may still log.
  static auto* const instance = new Queue;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
  return *instance;
}

void push(LogLevel level, std::string_view message) {
  Queue& waiting = queue();
  const std::scoped_lock lock(waiting.mutex);
  if (waiting.records.size() == most_waiting) waiting.records.pop_front();
  waiting.records.push_back({level, std::string(message)});
  waiting.any = true;
}

std::deque<Record> take_all() {
  Queue& waiting = queue();
  const std::scoped_lock lock(waiting.mutex);
  waiting.any = false;
  return std::exchange(waiting.records, {});
}

int python_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return 10;
    case LogLevel::info:
      return 20;
    case LogLevel::warning:
      return 30;
    case LogLevel::error:
      return 40;
  }
  return 40;
}

void deliver() {
  const auto logger = py::module_::import("logging").attr("getLogger")("mediscan");
  for (const Record& record : take_all()) logger.attr("log")(python_level(record.level), "%s", text(record.message));
}

void deliver_or_report() {
  try {
    deliver();
  } catch (py::error_already_set& error) {
    error.discard_as_unraisable("mediscan: delivery of log records");
  }
}

}  // namespace

LogCallback queueing_log() { return push; }

LogDelivery::~LogDelivery() {
  if (!queue().any) return;
  try {
    deliver_or_report();
  } catch (const std::exception&) {  // out of memory: the records are lost, the analysis is not
  }
}

void register_log_queue() {
  ::pthread_atfork([] { queue().mutex.lock(); }, [] { queue().mutex.unlock(); }, [] { queue().mutex.unlock(); });
}

}  // namespace mediscan::python
