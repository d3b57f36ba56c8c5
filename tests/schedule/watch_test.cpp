#include "schedule/watch.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "forked.hpp"

namespace mediscan::schedule {
namespace {

using namespace std::chrono_literals;

struct Bell final : Alarm {
  std::function<void()> action;
  explicit Bell(std::function<void()> given) : action(std::move(given)) {}
  void ring() noexcept override { action(); }
};

TEST_CASE("alarms ring in order of their time, not before it, and once") {
  Watch watch;
  std::mutex mutex;
  std::vector<int> rung;
  std::vector<std::shared_ptr<Bell>> bells;
  const auto now = Clock::now();
  std::atomic<bool> early{false};
  for (const int i : {3, 1, 2}) {
    bells.push_back(std::make_shared<Bell>([&, i] {
      if (Clock::now() < now + i * 15ms) early = true;
      const std::scoped_lock lock(mutex);
      rung.push_back(i);
    }));
    watch.add(now + i * 15ms, bells.back());
  }
  std::this_thread::sleep_for(150ms);
  const std::scoped_lock lock(mutex);
  CHECK(rung == std::vector<int>{1, 2, 3});
  CHECK_FALSE(early);
}

TEST_CASE("an alarm that is removed, or gone, does not ring") {
  Watch watch;
  std::atomic<int> rung{0};
  const auto removed = std::make_shared<Bell>([&] { ++rung; });
  const auto entry = watch.add(Clock::now() + 20ms, removed);
  {
    const auto gone = std::make_shared<Bell>([&] { ++rung; });
    watch.add(Clock::now() + 20ms, gone);
  }
  watch.remove(entry);
  watch.remove(entry);
  std::this_thread::sleep_for(60ms);
  CHECK(rung == 0);
}

TEST_CASE("a watch may be destroyed by an alarm, and with alarms outstanding") {
  auto watch = std::make_unique<Watch>();
  std::atomic<bool> destroyed{false};
  const auto bell = std::make_shared<Bell>([&] {
    watch.reset();
    destroyed = true;
  });
  const auto never = std::make_shared<Bell>([] { FAIL("rang after its watch was gone"); });
  watch->add(Clock::now() + 1h, never);
  watch->add(Clock::now() + 5ms, bell);
  while (!destroyed) std::this_thread::yield();
}

/// Lets go of itself when it rings, and owns the watch that rings it.
struct Owner final : Alarm {
  std::shared_ptr<Owner> self;
  std::shared_ptr<Watch> watch = std::make_shared<Watch>();
  std::atomic<bool>& destroyed;
  explicit Owner(std::atomic<bool>& flag) : destroyed(flag) {}
  ~Owner() override {
    watch->remove({Clock::now(), 0});
    watch.reset();
    destroyed = true;
  }
  void ring() noexcept override { self.reset(); }
};

TEST_CASE("an alarm that is let go while it rings is destroyed with no lock held: it may even own the watch") {
  std::atomic<bool> destroyed{false};
  auto owner = std::make_shared<Owner>(destroyed);
  Watch& watch = *owner->watch;
  const std::weak_ptr<Alarm> alarm = owner;
  auto* const raw = owner.get();
  raw->self = std::move(owner);
  watch.add(Clock::now() + 5ms, alarm);
  while (!destroyed) std::this_thread::yield();
}

TEST_CASE("in a child made by fork() a watch lets itself be destroyed") {
  auto watch = std::make_unique<Watch>();
  const auto bell = std::make_shared<Bell>([] {});
  watch->add(Clock::now() + 1h, bell);
  CHECK(test::exit_code_of_child([&] {
          watch.reset();
          return 0;
        }) == 0);
}

}  // namespace
}  // namespace mediscan::schedule
