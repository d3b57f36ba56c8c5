#include <doctest/doctest.h>

#include "image/budget.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

using mediscan::image::ByteBudget;

TEST_CASE("a budget gives out memory up to its limit, zeroed, and takes it back") {
  ByteBudget budget(100);
  auto* first = static_cast<std::byte*>(budget.allocate(60));
  REQUIRE(first != nullptr);
  CHECK(std::all_of(first, first + 60, [](std::byte b) { return b == std::byte{0}; }));
  CHECK(budget.allocate(41) == nullptr);
  CHECK(budget.exceeded());
  CHECK_FALSE(budget.system_refused());
  void* second = budget.allocate(40);
  CHECK(second != nullptr);
  budget.release(first);
  budget.release(second);
  budget.release(nullptr);
  CHECK(budget.in_use() == 0);
  CHECK(budget.peak() == 100);
}

TEST_CASE("growing a block keeps its bytes and counts both blocks meanwhile") {
  ByteBudget budget(100);
  auto* block = static_cast<std::byte*>(budget.reallocate(nullptr, 30));
  block[29] = std::byte{7};
  block = static_cast<std::byte*>(budget.reallocate(block, 70));
  REQUIRE(block != nullptr);
  CHECK(block[29] == std::byte{7});
  CHECK(budget.in_use() == 70);
  CHECK(budget.reallocate(block, 31) == nullptr);  // 70 + 31 > 100, and the old block stays
  CHECK(block[29] == std::byte{7});
  budget.release(block);
}

TEST_CASE("a size that no address space has is refused") {
  ByteBudget budget(UINT64_MAX);
  CHECK(budget.allocate(SIZE_MAX) == nullptr);
  CHECK(budget.system_refused());
}
