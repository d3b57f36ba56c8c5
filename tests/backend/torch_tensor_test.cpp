#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <vector>

#include "backend/torch/tensor.hpp"
#include "backend/torch/thread_scope.hpp"
#include "errors.hpp"
#include "needs_libtorch.hpp"

namespace mediscan::backend::torch {
namespace {

std::vector<std::int64_t> list(std::span<const std::int64_t> values) { return {values.begin(), values.end()}; }

TEST_CASE("a view has the caller's memory, sizes and strides") {
  if (!test::has_libtorch()) return;
  std::vector<float> memory(2 * 3 * 4 * 5);
  const Tensor nhwc = Tensor::view_nhwc(memory.data(), {2, 3, 4, 5});
  CHECK(list(nhwc.sizes()) == std::vector<std::int64_t>{2, 3, 4, 5});
  CHECK(list(nhwc.strides()) == std::vector<std::int64_t>{60, 1, 15, 3});
  CHECK(nhwc.data() == memory.data());
  const Tensor rows = Tensor::view(memory.data(), std::array<std::int64_t, 3>{6, 4, 5});
  CHECK(list(rows.strides()) == std::vector<std::int64_t>{20, 5, 1});
}

TEST_CASE("copies of a tensor share its data, and a moved-from one is empty") {
  if (!test::has_libtorch()) return;
  std::vector<float> memory(4, 1.0F);
  Tensor first = Tensor::view(memory.data(), std::array<std::int64_t, 1>{4});
  const Tensor copy = first;
  const Tensor moved = std::move(first);
  CHECK(copy.data() == memory.data());
  CHECK(moved.data() == memory.data());
  CHECK_FALSE(static_cast<bool>(first));  // NOLINT(bugprone-use-after-move): that it is empty is the point
}

TEST_CASE("operators take numbers, lists, optionals and tensors, and give a tensor") {
  if (!test::has_libtorch()) return;
  std::vector<float> memory{1, 2, 3, 4, 5, 6};
  const Tensor x = Tensor::view(memory.data(), std::array<std::int64_t, 2>{2, 3});
  const std::array<std::int64_t, 1> last{1};
  const Tensor sums =
      call("aten::sum", "dim_IntList", x, Some{std::span<const std::int64_t>(last)}, false, std::nullopt);
  CHECK(list(sums.sizes()) == std::vector<std::int64_t>{2});
  CHECK(sums.data()[0] == 6.0F);
  CHECK(sums.data()[1] == 15.0F);
  std::vector<float> bias{10, 20};
  std::vector<float> weight{1, 0, 0, 0, 0, 1};
  const Tensor y = call("aten::linear", "", x, Tensor::view(weight.data(), std::array<std::int64_t, 2>{2, 3}),
                        Some{Tensor::view(bias.data(), std::array<std::int64_t, 1>{2})});
  CHECK(std::vector<float>(y.data(), y.data() + 4) == std::vector<float>{11, 23, 14, 26});
}

TEST_CASE("what LibTorch refuses is an Error that names the operator") {
  if (!test::has_libtorch()) return;
  std::vector<float> memory(6);
  const Tensor x = Tensor::view(memory.data(), std::array<std::int64_t, 2>{2, 3});
  const Error mismatch = test::error_of([&] { (void)call("aten::mm", "", x, x); });
  CHECK(mismatch.code() == ErrorCode::backend_failed);
  CHECK(test::contains(mismatch.message(), "aten::mm"));
  const Error unknown = test::error_of([&] { (void)call("aten::no_such_operator", "", x); });
  CHECK(test::contains(unknown.message(), "aten::no_such_operator"));
}

TEST_CASE("parallel_for covers every index once") {
  if (!test::has_libtorch()) return;
  const ThreadScope scope(2);
  std::vector<std::atomic<int>> visits(1000);
  parallel_for(1000, 10, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
  });
  CHECK(std::all_of(visits.begin(), visits.end(), [](const auto& count) { return count == 1; }));
}

TEST_CASE("a scope sets threads and gradients for its own thread, and puts back what was there") {
  if (!test::has_libtorch()) return;
  const Functions& lib = libtorch();
  const bool has_openmp = lib.omp_get_max_threads != nullptr;
  REQUIRE(has_openmp);
  lib.aoti_torch_grad_mode_set_enabled(true);
  lib.omp_set_num_threads(3);
  int elsewhere_during = 0;
  {
    const ThreadScope scope(1);
    CHECK(lib.omp_get_max_threads() == 1);
    CHECK_FALSE(lib.aoti_torch_grad_mode_is_enabled());
    std::uint32_t seen = 0;
    CHECK(lib.torch_get_num_threads(&seen) == 0);
    CHECK(seen == 1);
    std::thread([&] {
      const ThreadScope other(5);
      elsewhere_during = lib.omp_get_max_threads();
    }).join();
    CHECK(lib.omp_get_max_threads() == 1);
  }
  CHECK(elsewhere_during == 5);
  CHECK(lib.omp_get_max_threads() == 3);
  CHECK(lib.aoti_torch_grad_mode_is_enabled());
}

TEST_CASE("the workers of a scope end with it, and the next scope has workers again") {
  if (!test::has_libtorch()) return;
  if (libtorch().omp_pause_resource == nullptr) {
    std::puts("MEDISCAN_SKIP: this OpenMP is older than 5.0 and keeps its workers");
    return;
  }
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator{});
  };
  std::thread([&] {  // a thread that never had workers
    for (int round = 0; round < 3; ++round) {
      const auto before = threads();
      {
        const ThreadScope scope(3);
        std::atomic<int> visited{0};
        parallel_for(3, 1, [&](std::int64_t begin, std::int64_t end) { visited += static_cast<int>(end - begin); });
        CHECK(visited == 3);
        CHECK(threads() == before + 2);
      }
      // They end on their own time.
      for (int i = 0; i < 200 && threads() != before; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      CHECK(threads() == before);
    }
  })
      .join();
}

}  // namespace
}  // namespace mediscan::backend::torch
