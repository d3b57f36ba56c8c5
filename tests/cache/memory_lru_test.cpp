#include "cache/memory_lru.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "example_results.hpp"

namespace mediscan::cache {
namespace {

SharedResult shared(int seed = 0) { return std::make_shared<const Result>(test::skin_result(seed)); }

const std::size_t one = MemoryLru::entry_bytes("a", test::skin_result());

TEST_CASE("what was stored is found, the very same object") {
  MemoryLru lru(10 * one);
  CHECK(lru.find("a") == nullptr);
  const auto result = shared();
  CHECK(lru.store("a", result) == 0);
  CHECK(lru.find("a") == result);
  CHECK(lru.find("b") == nullptr);
  CHECK(lru.bytes() == one);
  CHECK(lru.entries() == 1);
}

TEST_CASE("what was used least recently leaves first, and no more than must") {
  MemoryLru lru(3 * one);
  for (const char* key : {"a", "b", "c"}) lru.store(key, shared());
  CHECK(lru.bytes() == 3 * one);
  CHECK(lru.find("a") != nullptr);  // now b is the oldest
  CHECK(lru.store("d", shared()) == 1);
  CHECK(lru.find("b") == nullptr);
  CHECK(lru.find("a") != nullptr);
  CHECK(lru.find("c") != nullptr);
  CHECK(lru.find("d") != nullptr);
  CHECK(lru.bytes() == 3 * one);
}

TEST_CASE("a large result drives out as many as it needs") {
  MemoryLru lru(4 * one);
  for (const char* key : {"a", "b", "c", "d"}) lru.store(key, shared());
  Result large = test::skin_result();
  large.warnings.push_back({"X", std::string(one + one / 2, 'x')});  // two and a half entries
  CHECK(lru.store("e", std::make_shared<const Result>(large)) == 3);
  CHECK(lru.find("d") != nullptr);
  CHECK(lru.find("e") != nullptr);
  CHECK(lru.bytes() <= 4 * one);
}

TEST_CASE("a result larger than the bound is not kept, and nothing leaves for it") {
  MemoryLru lru(one);
  lru.store("a", shared());
  Result large = test::skin_result();
  large.warnings.push_back({"X", std::string(one, 'x')});
  CHECK(lru.store("b", std::make_shared<const Result>(large)) == 0);
  CHECK(lru.find("a") != nullptr);
  CHECK(lru.find("b") == nullptr);
}

TEST_CASE("storing again replaces, and counts once") {
  MemoryLru lru(2 * one);
  lru.store("a", shared(1));
  const auto second = shared(2);
  CHECK(lru.store("a", second) == 0);
  CHECK(lru.find("a") == second);
  CHECK(lru.entries() == 1);
  CHECK(lru.bytes() == one);
}

TEST_CASE("a result that left lives as long as someone holds it") {
  MemoryLru lru(one);
  lru.store("a", shared(7));
  const auto held = lru.find("a");
  lru.store("b", shared());
  CHECK(lru.find("a") == nullptr);
  CHECK(held->findings[0].logit == 0.1 * 8);
}

TEST_CASE("many threads never see another key's result, and the bound holds") {
  MemoryLru lru(5 * one);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 500; ++i) {
        const int which = (i * 7 + thread) % 10;
        const std::string key(1, static_cast<char>('a' + which));
        if (const auto found = lru.find(key)) {
          if (found->findings[0].logit != 0.1 * (which + 1)) ++wrong;
        } else {
          lru.store(key, shared(which));
        }
        if (lru.bytes() > 5 * one) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(lru.entries() == 5);
}

}  // namespace
}  // namespace mediscan::cache
