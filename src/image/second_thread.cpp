#include "image/second_thread.hpp"

#include <atomic>
#include <exception>
#include <optional>
#include <system_error>
#include <thread>

#include "base/spread.hpp"

namespace mediscan::image {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): the process has one number of threads
std::atomic<int> threads_at_work{0};

std::exception_ptr failure_of(const std::function<void()>& action) noexcept {
  try {
    action();
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace

SecondThread::SecondThread(int budget) noexcept {
  int working = threads_at_work.load(std::memory_order_relaxed);
  do {
    claimed_ = working + 2 <= budget ? 2 : 1;
  } while (!threads_at_work.compare_exchange_weak(working, working + claimed_, std::memory_order_relaxed));
}

SecondThread::~SecondThread() { threads_at_work.fetch_sub(claimed_, std::memory_order_relaxed); }

void SecondThread::run_both(const std::function<void()>& here, const std::function<void()>& there) const {
  std::exception_ptr other;
  base::Spread spread(1);
  std::optional<std::thread> thread;
  if (granted()) {
    try {
      thread.emplace([&] {
        spread.arrive();
        other = failure_of(there);
      });
      spread.wait();
    } catch (const std::system_error&) {
      // The system has no thread to give: it only takes longer.
    }
  }
  const std::exception_ptr own = failure_of(here);
  if (thread) {
    thread->join();
  } else if (!own) {
    other = failure_of(there);
  }
  if (own) std::rethrow_exception(own);
  if (other) std::rethrow_exception(other);
}

}  // namespace mediscan::image
