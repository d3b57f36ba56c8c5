// Finding CUDA: what the driver says (a fake one), what this machine's LibTorch has, and what is made of both.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "backend/torch/cuda/devices.hpp"
#include "errors.hpp"
#include "needs_libtorch.hpp"

namespace mediscan::backend::torch {
namespace {

using test::contains;

CudaDriver ask_fake(const char* behaviour, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  ::setenv("FAKE_CUDA", behaviour, 1);
  return ask_cuda_driver(MEDISCAN_FAKE_LIBCUDA, patience);
}

CudaLibrary library_of(int runtime_version) { return {CudaFunctions{}, runtime_version, {}}; }

TEST_CASE("the driver's devices are read with their names, memory and compute capability") {
  const CudaDriver driver = ask_fake("two");
  CHECK(driver.reason.empty());
  CHECK(driver.version == 12080);
  REQUIRE(driver.devices.size() == 2);
  CHECK(driver.devices[0].name == "Fake GPU 0");
  CHECK(driver.devices[0].memory == std::uint64_t{8} << 30U);
  CHECK(driver.devices[0].compute_capability == 90);
  CHECK(driver.devices[1].compute_capability == 61);
}

TEST_CASE("a driver that is not there, sees nothing, does not start or does not answer is a reason") {
  CHECK(contains(ask_cuda_driver("libcuda-of-nobody.so.1").reason, "no NVIDIA driver"));
  CHECK(contains(ask_cuda_driver("libm.so.6").reason, "lacks functions"));
  CHECK(contains(ask_fake("none").reason, "sees no device"));
  CHECK(contains(ask_fake("broken").reason, "driver combination (CUDA error 803)"));
  CHECK(contains(ask_fake("hang", std::chrono::milliseconds(50)).reason, "did not answer within 50 ms"));
}

TEST_CASE("devices are usable when driver, LibTorch and hardware fit, and say why when they do not") {
  const CudaDriver driver = ask_fake("two");
  const auto on_cuda12 = describe_cuda(driver, library_of(12060));
  REQUIRE(on_cuda12.size() == 2);
  CHECK(on_cuda12[0].name == "cuda:0");
  CHECK(on_cuda12[0].usable);
  CHECK(on_cuda12[0].detail == "Fake GPU 0, 8.0 GiB, compute capability 9.0");
  CHECK(on_cuda12[0].precisions == std::vector<std::string>{"fp16", "fp32"});
  CHECK(on_cuda12[1].name == "cuda:1");
  CHECK(on_cuda12[1].usable);

  CudaDriver newer = driver;
  newer.version = 13000;
  const auto on_cuda13 = describe_cuda(newer, library_of(13020));  // a newer minor version of the runtime may be
  REQUIRE(on_cuda13.size() == 2);
  CHECK(on_cuda13[0].usable);
  CHECK_FALSE(on_cuda13[1].usable);
  CHECK(contains(on_cuda13[1].detail, "CUDA 13.2 needs 7.5 or newer"));
  CHECK(on_cuda13[1].precisions.empty());

  const auto too_old = describe_cuda(driver, library_of(13020));
  REQUIRE(too_old.size() == 1);
  CHECK(too_old[0].name == "cuda");
  CHECK_FALSE(too_old[0].usable);
  CHECK(contains(too_old[0].detail, "serves CUDA 12.8, this LibTorch needs 13.2"));

  CudaLibrary absent;
  absent.reason = "this LibTorch is built without CUDA";
  CHECK(describe_cuda({}, absent)[0].detail == absent.reason);
  CHECK(contains(describe_cuda(ask_fake("none"), {})[0].detail, "sees no device"));
}

// The machine that this is built on may have a wheel of LibTorch with CUDA and all of NVIDIA's libraries, and no
// device: then everything but the device is real here.
TEST_CASE("every function of CUDA that is called is found in this LibTorch and its CUDA runtime") {
  if (!test::has_libtorch()) return;
  const CudaLibrary library = load_libtorch_cuda(find_libtorch(test::libtorch_place()).library);
  if (!library.functions) {
    std::printf("MEDISCAN_SKIP: %s\n", library.reason.c_str());
    return;
  }
  CHECK(library.runtime_version >= 12000);
  CHECK(std::string(library.functions->cudaGetErrorString(cuda_out_of_memory)) == "out of memory");
  const auto failing = [&](CudaStatus status) {
    return test::error_of([&] { check_cuda(*library.functions, status, "a call"); });
  };
  CHECK(failing(cuda_out_of_memory).code() == ErrorCode::out_of_memory);
  CHECK(failing(700).code() == ErrorCode::backend_failed);
  CHECK(contains(failing(700).message(), "a call: an illegal memory access was encountered (CUDA error 700)"));
  check_cuda(*library.functions, 0, "a call");
}

TEST_CASE("a LibTorch without CUDA, or with a libtorch_cuda.so that cannot be loaded, is a reason") {
  CHECK(load_libtorch_cuda("/nowhere/libtorch_cpu.so").reason == "this LibTorch is built without CUDA");
  const std::filesystem::path other = std::filesystem::path(MEDISCAN_FAKE_LIBTORCH) / "cuda";
  CHECK(contains(load_libtorch_cuda(other / "libtorch_cpu.so").reason,
                 "lacks the function aoti_torch_create_cuda_guard"));
}

}  // namespace
}  // namespace mediscan::backend::torch
