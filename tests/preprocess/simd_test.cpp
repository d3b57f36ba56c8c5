#include "preprocess/simd.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <mediscan/preprocess.hpp>

#include "errors.hpp"

using namespace mediscan;
using recipe::SimdLevel;

TEST_CASE("MEDISCAN_SIMD lowers the level and never raises it") {
  CHECK(recipe::chosen_simd_level("", SimdLevel::avx512) == SimdLevel::avx512);
  CHECK(recipe::chosen_simd_level("avx2", SimdLevel::avx512) == SimdLevel::avx2);
  CHECK(recipe::chosen_simd_level("portable", SimdLevel::avx512) == SimdLevel::portable);
  CHECK(recipe::chosen_simd_level("avx512", SimdLevel::avx2) == SimdLevel::avx2);
  CHECK(recipe::chosen_simd_level("avx2", SimdLevel::portable) == SimdLevel::portable);
}

TEST_CASE("an unknown MEDISCAN_SIMD is an error that lists the known words") {
  const Error error = test::error_of([] { (void)recipe::chosen_simd_level("sse9", SimdLevel::avx2); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK(error.stage() == Stage::preprocess);
  CHECK(test::contains(error.message(), "MEDISCAN_SIMD is \"sse9\", expected portable, avx2 or avx512"));
}

TEST_CASE("each level has the kernels of its name, and simd_level names the ones in use") {
  for (const SimdLevel level : {SimdLevel::portable, SimdLevel::avx2, SimdLevel::avx512}) {
    if (level <= recipe::best_simd_level()) CHECK(recipe::kernels_of(level).name == recipe::name_of(level));
  }
  CHECK(simd_level() == recipe::active_kernels().name);
}
