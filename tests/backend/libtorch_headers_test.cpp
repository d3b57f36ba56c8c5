// Compares our declarations of LibTorch's functions with LibTorch's own headers. A difference is an error of the
// compiler, here.
#include <doctest/doctest.h>

#include <cstdio>
#include <type_traits>

#include "backend/torch/libtorch.hpp"

#ifdef MEDISCAN_HAVE_LIBTORCH_HEADERS
#include <torch/csrc/stable/c/shim.h>

namespace mediscan::backend::torch {
#define MEDISCAN_COMPARE(major, minor, result, name, parameters)              \
  static_assert(std::is_same_v<decltype(Functions::name), decltype(&::name)>, \
                #name " has another type in LibTorch's header than in libtorch.hpp");
MEDISCAN_LIBTORCH_FUNCTIONS(MEDISCAN_COMPARE)
#undef MEDISCAN_COMPARE
}  // namespace mediscan::backend::torch
#endif

namespace mediscan::backend::torch {
namespace {

TEST_CASE("our declarations of LibTorch's functions are those of its headers") {
#ifdef MEDISCAN_HAVE_LIBTORCH_HEADERS
  // Compiling was the comparison; the headers must also be of a version that has every function.
  CHECK(TORCH_ABI_VERSION >= (std::uint64_t{2} << 56 | std::uint64_t{13} << 48));
  CHECK(version_text(TORCH_ABI_VERSION) == TORCH_VERSION);
#else
  std::puts("MEDISCAN_SKIP: no LibTorch headers at " MEDISCAN_LIBTORCH_INCLUDE);
#endif
}

TEST_CASE("the version number of LibTorch's C ABI reads as text") {
  CHECK(version_text(0x020f000000000000) == "2.15.0");  // what aoti_torch_abi_version() gave on 2.15.0
  CHECK(version_text(0x020b010000000000) == "2.11.1");
}

}  // namespace
}  // namespace mediscan::backend::torch
