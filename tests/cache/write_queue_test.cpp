#include "cache/write_queue.hpp"

#include <doctest/doctest.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <string>
#include <vector>

#include "example_results.hpp"

namespace mediscan::cache {
namespace {

using namespace std::chrono_literals;

SharedResult shared() { return std::make_shared<const Result>(test::skin_result()); }

/// Holds the thread at its write until it is let go.
struct Gate {
  std::atomic<bool> entered{false};
  std::atomic<bool> open{false};
  void pass() {
    entered = true;
    while (!open) std::this_thread::sleep_for(1ms);
  }
  void wait_until_entered() const {
    while (!entered) std::this_thread::sleep_for(1ms);
  }
};

TEST_CASE("what is pushed is written once, in order, each after a preparation") {
  std::vector<std::string> done;
  std::atomic<int> prepared{0};
  WriteQueue queue([&] { ++prepared; }, [&](const WriteQueue::Write& write) { done.push_back(write.key); });
  for (const char* key : {"a", "b", "c"}) CHECK(queue.push({key, shared()}));
  CHECK(queue.flush(20s));
  CHECK(done == std::vector<std::string>{"a", "b", "c"});
  CHECK(prepared == 4);  // and once before anything came
}

TEST_CASE("pushing never waits, and beyond the count it is refused") {
  Gate gate;
  WriteQueue queue([] {}, [&](const WriteQueue::Write&) { gate.pass(); });
  CHECK(queue.push({"first", shared()}));
  gate.wait_until_entered();
  const auto result = shared();
  std::size_t taken = 0;
  while (taken < 2 * WriteQueue::most_writes && queue.push({"k", result})) ++taken;
  CHECK(taken == WriteQueue::most_writes);
  CHECK_FALSE(queue.flush(10ms));
  gate.open = true;
  CHECK(queue.flush(20s));
  CHECK(queue.push({"again", result}));
}

TEST_CASE("beyond the bytes it is refused") {
  Gate gate;
  WriteQueue queue([] {}, [&](const WriteQueue::Write&) { gate.pass(); });
  CHECK(queue.push({"first", shared()}));
  gate.wait_until_entered();
  Result large = test::skin_result();
  large.warnings[0].message = std::string(WriteQueue::most_bytes / 4, 'x');
  const auto result = std::make_shared<const Result>(large);
  for (int i = 0; i < 3; ++i) CHECK(queue.push({"k", result}));
  CHECK_FALSE(queue.push({"k", result}));
  CHECK(queue.push({"k", shared()}));
  gate.open = true;
}

TEST_CASE("its end gives up what waits") {
  std::atomic<int> written{0};
  Gate gate;
  std::thread opener;
  {
    WriteQueue queue([] {},
                     [&](const WriteQueue::Write&) {
                       ++written;
                       gate.pass();
                     });
    for (int i = 0; i < 100; ++i) queue.push({"k", shared()});
    gate.wait_until_entered();
    opener = std::thread([&] {  // long after the destructor below has told the thread to end
      std::this_thread::sleep_for(300ms);
      gate.open = true;
    });
  }
  opener.join();
  CHECK(written == 1);
}

TEST_CASE("its thread takes no signal, and the caller's mask is as before") {
  sigset_t before, after, inside;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &before);
  WriteQueue queue([] {}, [&](const WriteQueue::Write&) { ::pthread_sigmask(SIG_BLOCK, nullptr, &inside); });
  ::pthread_sigmask(SIG_BLOCK, nullptr, &after);
  queue.push({"k", shared()});
  CHECK(queue.flush(20s));
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD, SIGUSR1, SIGPIPE}) {
    CHECK(::sigismember(&inside, signal) == 1);
    CHECK(::sigismember(&before, signal) == ::sigismember(&after, signal));
  }
}

}  // namespace
}  // namespace mediscan::cache
