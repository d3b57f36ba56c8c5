#include "capi/handles.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace mediscan::capi {
namespace {

/// Counts how many of it are alive.
struct Counted {
  explicit Counted(std::atomic<int>& alive) : alive_(alive) { ++alive_; }
  ~Counted() { --alive_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::atomic<int>& alive_;
};

using Table = Handles<Counted, Kind::image>;
using Other = Handles<Counted, Kind::model>;

TEST_CASE("a handle lives until its last reference is released") {
  std::atomic<int> alive{0};
  Table& table = Table::table();
  void* handle = table.insert(std::make_unique<Counted>(alive));
  CHECK(table.retain(handle));
  CHECK(table.release(handle));
  CHECK(alive == 1);
  CHECK(table.release(handle));
  CHECK(alive == 0);
}

TEST_CASE("a released handle is refused, also when its slot has another object") {
  std::atomic<int> alive{0};
  Table& table = Table::table();
  void* old = table.insert(std::make_unique<Counted>(alive));
  CHECK(table.release(old));
  CHECK_FALSE(table.release(old));
  void* fresh = table.insert(std::make_unique<Counted>(alive));
  CHECK(fresh != old);
  CHECK_FALSE(table.release(old));
  CHECK_FALSE(table.retain(old));
  CHECK_FALSE(table.pin(old));
  CHECK(table.pin(fresh));
  CHECK(table.release(fresh));
}

TEST_CASE("NULL, invented numbers and handles of another kind are refused") {
  std::atomic<int> alive{0};
  Table& table = Table::table();
  void* other = Other::table().insert(std::make_unique<Counted>(alive));
  const int somewhere = 0;
  for (const void* handle : {static_cast<const void*>(nullptr), static_cast<const void*>(&somewhere),
                             static_cast<const void*>(other), reinterpret_cast<const void*>(~std::uintptr_t{0})}) {
    CHECK_FALSE(table.pin(handle));
    CHECK_FALSE(table.retain(handle));
    CHECK_FALSE(table.release(handle));
  }
  // The right kind, and a slot that was never given out.
  CHECK_FALSE(table.pin(reinterpret_cast<const void*>(std::uintptr_t{0x23} << 56 | 0xFF'FFFF)));
  CHECK(Other::table().release(other));
}

TEST_CASE("an object outlives its last reference for as long as it is pinned") {
  std::atomic<int> alive{0};
  Table& table = Table::table();
  void* handle = table.insert(std::make_unique<Counted>(alive));
  {
    const auto pin = table.pin(handle);
    CHECK(table.release(handle));
    CHECK(alive == 1);
    CHECK_FALSE(table.pin(handle));
    CHECK_FALSE(table.retain(handle));
  }
  CHECK(alive == 0);
}

TEST_CASE("65535 references and not one more") {
  std::atomic<int> alive{0};
  Table& table = Table::table();
  void* handle = table.insert(std::make_unique<Counted>(alive));
  for (int i = 1; i < 65535; ++i) REQUIRE(table.retain(handle));
  CHECK_FALSE(table.retain(handle));
  for (int i = 0; i < 65535; ++i) REQUIRE(table.release(handle));
  CHECK(alive == 0);
}

TEST_CASE("more objects than a chunk holds, all found again, all gone in the end") {
  std::atomic<int> alive{0};
  Table& table = Table::table();
  std::vector<void*> handles(10'000);
  for (void*& handle : handles) handle = table.insert(std::make_unique<Counted>(alive));
  CHECK(alive == 10'000);
  for (void* handle : handles) REQUIRE(table.release(handle));
  CHECK(alive == 0);
}

TEST_CASE("many threads insert, pin and release at once, and each release counts once") {
  std::atomic<int> alive{0};
  std::atomic<int> released{0};
  Table& table = Table::table();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2'000; ++i) {
        void* handle = table.insert(std::make_unique<Counted>(alive));
        if (const auto pin = table.pin(handle)) released += table.release(handle) ? 1 : 0;
        released += table.release(handle) ? 1 : 0;
      }
    });
  }
  // All threads over one handle: exactly one of them gives its reference back.
  void* shared = table.insert(std::make_unique<Counted>(alive));
  std::atomic<int> won{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) static_cast<void>(static_cast<bool>(table.pin(shared)));
      won += table.release(shared) ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(won == 1);
  CHECK(released == 4 * 2'000);
  CHECK(alive == 0);
}

}  // namespace
}  // namespace mediscan::capi
