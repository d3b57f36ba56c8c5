#include "base/spread.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

using mediscan::base::Spread;

namespace {

int cpus_allowed() {
  cpu_set_t allowed;
  return ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
}

/// Keeps the calling thread busy.
void compute(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

}  // namespace

TEST_CASE("a thread that arrives stands on another CPU than its starter, and is not bound to it") {
  if (cpus_allowed() < 2) {
    std::printf("MEDISCAN_SKIP: this process may run on one CPU only\n");
    return;
  }
  int apart = 0;
  for (int i = 0; i < 40; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // after which Linux 6.18 starts threads on this CPU
    Spread spread(1);
    const int own = ::sched_getcpu();
    int other = -1;
    int allowed = 0;
    std::thread thread([&] {
      spread.arrive();
      other = ::sched_getcpu();
      allowed = cpus_allowed();
      compute(std::chrono::milliseconds(1));
    });
    spread.wait();
    compute(std::chrono::milliseconds(1));
    thread.join();
    if (own != other) ++apart;
    CHECK(allowed == cpus_allowed());
  }
  CHECK(apart >= 30);  // of 40; the system may move either at any time. Without it they were 5 to 14 here
}

TEST_CASE("more threads than CPUs arrive too, and waiting for one that never does ends") {
  Spread spread(cpus_allowed() + 3);
  std::vector<std::thread> threads;
  for (int i = 0; i < cpus_allowed() + 2; ++i) threads.emplace_back([&] { spread.arrive(); });
  const auto begun = std::chrono::steady_clock::now();
  spread.wait(std::chrono::milliseconds(20));
  CHECK(std::chrono::steady_clock::now() - begun >= std::chrono::milliseconds(20));
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("a thread that may run on one CPU alone stays there") {
  std::thread bound([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(::sched_getcpu()), &one);
    REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
    Spread spread(1);
    std::thread other([&] {  // inherits the mask
      spread.arrive();
      CHECK(cpus_allowed() == 1);
    });
    spread.wait();
    other.join();
  });
  bound.join();
}
