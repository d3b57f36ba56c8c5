// The estimate held against what malloc really gave.
#include "cache/result_size.hpp"

#include <doctest/doctest.h>
#include <malloc.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "cache/memory_lru.hpp"
#include "example_results.hpp"

namespace mediscan::cache {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool own_malloc = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool own_malloc = false;
#else
constexpr bool own_malloc = true;
#endif
#else
constexpr bool own_malloc = true;
#endif

TEST_CASE("the memory that entries take is the memory they count for, within a tenth") {
  if (!own_malloc) {
    std::puts("MEDISCAN_SKIP: a sanitizer's malloc does not tell");
    return;
  }
  for (const Result& result : {test::skin_result(), test::radiology_result()}) {
    MemoryLru lru(std::size_t{1} << 30U);
    const auto before = ::mallinfo2();
    for (int i = 0; i < 2000; ++i) {
      lru.store(std::string(60, 'k') + std::to_string(1000 + i), std::make_shared<const Result>(result));
    }
    const auto after = ::mallinfo2();
    const auto used = static_cast<double>(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd);
    CHECK(static_cast<double>(lru.bytes()) > 0.9 * used);
    CHECK(static_cast<double>(lru.bytes()) < 1.1 * used);
  }
}

TEST_CASE("every text and list counts") {
  const Result grown = test::skin_result();
  const Result small = grown;  // a copy has no room to spare
  const std::size_t bytes = heap_bytes(small);
  const std::string text(1100, 'x');
  const auto more_with = [&](auto change) {
    Result larger = small;
    change(larger);
    return heap_bytes(larger) - bytes;
  };
  CHECK(more_with([&](Result& r) { r.input.name = text; }) >= 1000);
  CHECK(more_with([&](Result& r) { r.execution.fallback_reason = text; }) >= 1000);
  CHECK(more_with([&](Result& r) { r.execution.precision_reason = text; }) >= 1000);
  CHECK(more_with([&](Result& r) { r.execution.profile_reason = text; }) >= 1000);
  CHECK(more_with([&](Result& r) { r.findings[0].snomed = text; }) >= 1000);
  CHECK(more_with([&](Result& r) { r.summary.skin->top_label = text; }) >= 1000);
  CHECK(more_with([&](Result& r) { r.summary.radiology = RadiologySummary{{text}, 0}; }) >= 1000);
  CHECK(more_with([&](Result& r) { r.warnings[0].message = text; }) >= 1000);
  CHECK(more_with([&](Result& r) { r.findings.resize(20); }) >= 13 * sizeof(Finding));
}

}  // namespace
}  // namespace mediscan::cache
