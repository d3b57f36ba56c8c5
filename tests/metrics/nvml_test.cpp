// GPUs as a library that looks like NVML tells them: right numbers from a good one, no GPU and no error from a bad one.
#include "metrics/nvml.hpp"

#include <dlfcn.h>
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "forked.hpp"

using namespace mediscan;
using namespace std::chrono_literals;

namespace {

const std::string good = MEDISCAN_FAKE_NVML;
const std::string incomplete = MEDISCAN_FAKE_NVML_INCOMPLETE;
constexpr auto patience = 10s;  // for a machine that is busy with other tests; a fake answers within a millisecond

/// A switch of the fake library: the same copy that Gpus opens.
template <class T>
std::atomic<T>& fake(const char* symbol) {
  void* const library = ::dlopen(good.c_str(), RTLD_NOW);
  REQUIRE(library != nullptr);
  void* const found = ::dlsym(library, symbol);
  REQUIRE(found != nullptr);
  return *static_cast<std::atomic<T>*>(found);
}

}  // namespace

TEST_CASE("each GPU has its number, name, utilisation and memory") {
  metrics::Gpus gpus(good);
  const auto found = gpus.read(patience);
  REQUIRE(found.size() == 2);
  CHECK(found[0].gpu == "0");
  CHECK(found[0].name == "NVIDIA H100 80GB HBM3");
  CHECK(found[0].utilization == doctest::Approx(0.37));
  CHECK(found[0].memory_used_bytes == 2ULL << 30U);
  CHECK(found[0].memory_total_bytes == 80ULL << 30U);
  CHECK(found[1].gpu == "1");
  CHECK(found[1].name == "Tesla \"T4\"");
  CHECK(found[1].utilization == doctest::Approx(1));
  CHECK(found[1].memory_total_bytes == 16ULL << 30U);
}

TEST_CASE("without NVML, or with one that lacks a function, there is no GPU") {
  CHECK(metrics::Gpus("libnvidia-ml-that-is-not-there.so.1").read(patience).empty());
  CHECK(metrics::Gpus(incomplete).read(patience).empty());
  CHECK(metrics::Gpus("/proc/self/status").read(patience).empty());  // no library at all
}

TEST_CASE("NVML is opened once, on the first question") {
  auto& opened = fake<int>("fake_nvml_opened");
  const int before = opened;
  metrics::Gpus gpus(good);
  CHECK(opened == before);
  for (int i = 0; i < 3; ++i) CHECK(gpus.read(patience).size() == 2);
  CHECK(opened == before + 1);
}

TEST_CASE("an NVML that cannot start or count gives no GPU") {
  auto& init_status = fake<int>("fake_nvml_init_status");
  init_status = 9;  // NVML_ERROR_DRIVER_NOT_LOADED
  CHECK(metrics::Gpus(good).read(patience).empty());
  init_status = 0;
  auto& count_status = fake<int>("fake_nvml_count_status");
  metrics::Gpus gpus(good);
  count_status = 15;  // NVML_ERROR_GPU_IS_LOST
  CHECK(gpus.read(patience).empty());
  count_status = 0;
  CHECK(gpus.read(patience).size() == 2);
}

TEST_CASE("a GPU that leaves a question open is left out, the others are not") {
  auto& unsupported = fake<unsigned int>("fake_nvml_unsupported");
  unsupported = 0;
  metrics::Gpus gpus(good);
  const auto found = gpus.read(patience);
  unsupported = 99;
  REQUIRE(found.size() == 1);
  CHECK(found[0].gpu == "1");
}

TEST_CASE("a driver that hangs is waited for once, and its GPUs come back when it wakes") {
  auto& hangs = fake<bool>("fake_nvml_hangs");
  metrics::Gpus gpus(good);
  hangs = true;
  CHECK(gpus.read(20ms).empty());
  const auto start = std::chrono::steady_clock::now();
  CHECK(gpus.read(patience).empty());
  CHECK(std::chrono::steady_clock::now() - start < patience);  // did not wait
  hangs = false;
  std::vector<GpuMetrics> found;
  for (int tries = 0; found.empty() && tries < 10'000; ++tries) {
    found = gpus.read(patience);
    if (found.empty()) std::this_thread::sleep_for(1ms);
  }
  CHECK(found.size() == 2);
}

TEST_CASE("the object may go while its question hangs") {
  auto& hangs = fake<bool>("fake_nvml_hangs");
  hangs = true;
  {
    metrics::Gpus gpus(good);
    CHECK(gpus.read(1ms).empty());
  }
  hangs = false;
  CHECK(metrics::Gpus(good).read(patience).size() == 2);
}

TEST_CASE("many readers at once all get an answer") {
  metrics::Gpus gpus(good);
  std::atomic<int> answers{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) answers += gpus.read(patience).size() == 2 ? 1 : 0;
    });
  }
  for (auto& reader : readers) reader.join();
  CHECK(answers == 8 * 50);
}

TEST_CASE("a child made by fork has no GPU and does not wait for one") {
  metrics::Gpus gpus(good);
  CHECK(gpus.read(patience).size() == 2);
  CHECK(test::exit_code_of_child([&] { return gpus.read(patience).empty() ? 0 : 1; }) == 0);
}
