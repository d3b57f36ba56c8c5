#include "base/large_memory.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

namespace mediscan::base {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

bool recycles() {
  const std::size_t before = kept_bytes();
  allocate_large(3 * mib + 12345).reset();
  return kept_bytes() != before || before > 0;
}

TEST_CASE("memory of any size can be written from end to end, and is aligned") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4095}, 128 * 1024 - std::size_t{1},
                                 std::size_t{128} * 1024, mib + 1, 7 * mib - 3, 90 * mib}) {
    const LargeMemory memory = allocate_large(size);
    REQUIRE(memory.get() != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(memory.get()) % alignof(std::max_align_t) == 0);
    if (size > 0) std::memset(memory.get(), 0x5A, size);
  }
}

TEST_CASE("a block is given again to the next of about its size") {
  if (!recycles()) return;
  auto first = allocate_large(5 * mib);
  const auto* place = first.get();
  first.reset();
  const auto second = allocate_large(5 * mib - 100);
  CHECK(second.get() == place);
  CHECK(allocate_large(5 * mib).get() != place);
}

TEST_CASE("what is kept is bounded, however much is freed") {
  std::vector<LargeMemory> many;
  for (std::size_t i = 0; i < 40; ++i) many.push_back(allocate_large((i % 7 + 1) * mib));
  many.clear();
  CHECK(kept_bytes() <= max_kept_bytes);
  allocate_large(max_kept_bytes).reset();  // larger than half of the bound: not kept
  CHECK(kept_bytes() <= max_kept_bytes);
}

TEST_CASE("blocks of many threads do not overlap") {
  std::vector<std::thread> threads;
  std::atomic<int> spoiled{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const std::size_t size = 130'000 + static_cast<std::size_t>(i * 997 % 200'000);
        const auto memory = allocate_large(size);
        std::memset(memory.get(), t + 1, size);
        for (std::size_t k = 0; k < size; k += 4096) {
          if (memory[k] != static_cast<std::byte>(t + 1)) ++spoiled;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(spoiled == 0);
}

TEST_CASE("numbers can be shared, and go with their last owner") {
  auto numbers = allocate_floats(100'000);
  numbers[99'999] = 1;
  const auto other = numbers;
  numbers.reset();
  CHECK(other[99'999] == 1);
}

}  // namespace
}  // namespace mediscan::base
