#include "schedule/pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>
#include <vector>

#include "errors.hpp"
#include "forked.hpp"

namespace mediscan::schedule {
namespace {

TEST_CASE("work waits in order of rank, whatever order it was posted in") {
  std::vector<int> order;
  {
    Pool pool("test", 1);
    std::promise<void> go;
    pool.post(rank_now(), [future = go.get_future().share()] { future.wait(); });
    while (pool.waiting() > 0) std::this_thread::yield();  // the one thread is held
    const auto now = Clock::now();
    pool.post(rank_now(0), [&] { order.push_back(3); });
    pool.post(rank_now(-1), [&] { order.push_back(4); });
    pool.post(rank_now(0, now + std::chrono::hours(1)), [&] { order.push_back(2); });
    pool.post(rank_now(1), [&] { order.push_back(1); });
    CHECK(pool.waiting() == 4);
    go.set_value();
  }
  CHECK(order == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("a pool has no thread before it has work, and never more than it may") {
  Pool pool("test", 3);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::atomic<int> done{0};
  for (int i = 0; i < 200; ++i) {
    pool.post(rank_now(), [&] {
      const std::scoped_lock lock(mutex);
      threads.insert(std::this_thread::get_id());
      ++done;
    });
  }
  while (done < 200) std::this_thread::yield();
  CHECK(threads.size() >= 1);
  CHECK(threads.size() <= 3);
}

TEST_CASE("work that is withdrawn before it begins never does") {
  std::atomic<int> ran{0};
  {
    Pool pool("test", 1);
    std::promise<void> go;
    pool.post(rank_now(), [future = go.get_future().share()] { future.wait(); });
    while (pool.waiting() > 0) std::this_thread::yield();
    const Rank rank = rank_now();
    pool.post(rank, [&] { ++ran; });
    CHECK(pool.withdraw(rank));
    CHECK_FALSE(pool.withdraw(rank));
    go.set_value();
  }
  CHECK(ran == 0);
}

TEST_CASE("destroying a pool does what was posted") {
  std::atomic<int> done{0};
  {
    Pool pool("test", 2);
    for (int i = 0; i < 100; ++i) pool.post(rank_now(), [&] { ++done; });
  }
  CHECK(done == 100);
}

TEST_CASE("a pool may be destroyed by its own work") {
  auto pool = std::make_shared<Pool>("test", 1);
  std::promise<void> destroyed;
  auto* raw = pool.get();
  raw->post(rank_now(), [&destroyed, last = std::move(pool)]() mutable {
    last.reset();
    destroyed.set_value();
  });
  CHECK(destroyed.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
}

TEST_CASE("in a child made by fork() a pool takes no work and lets itself be destroyed") {
  auto pool = std::make_unique<Pool>("pool x", 1);
  std::promise<void> ran;
  pool->post(rank_now(), [&] { ran.set_value(); });
  ran.get_future().wait();
  const int code = test::exit_code_of_child([&] {
    const Error error = test::error_of([&] { pool->post(rank_now(), [] {}); });
    pool.reset();
    return error.code() == ErrorCode::forked ? 0 : 2;
  });
  CHECK(code == 0);
}

}  // namespace
}  // namespace mediscan::schedule
