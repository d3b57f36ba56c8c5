#include "backend/torch/thread_scope.hpp"

#include <cstdint>

#include "backend/torch/libtorch.hpp"
#include "backend/torch/tensor.hpp"

namespace mediscan::backend::torch {
namespace {

void split_by_libtorch(std::int64_t count, std::int64_t grain, LoopPart part, void* context) {
  detail::check(libtorch().torch_parallel_for(0, count, grain, part, context), "torch_parallel_for");
}

}  // namespace

ThreadScope::ThreadScope(int threads) noexcept
    : gradients_before_(libtorch().aoti_torch_grad_mode_is_enabled()), splitter_(&split_by_libtorch) {
  libtorch().aoti_torch_grad_mode_set_enabled(false);
  if (libtorch().omp_set_num_threads == nullptr) return;
  threads_before_ = libtorch().omp_get_max_threads();
  std::uint32_t ignored = 0;
  libtorch().torch_get_num_threads(
      &ignored);  // LibTorch's first call in a thread sets a default of its own; it would undo ours
  libtorch().omp_set_num_threads(threads);
}

ThreadScope::~ThreadScope() {
  // The calling thread's OpenMP workers end. Left alive they would spin for milliseconds, waiting for a next region, on
  // the cores that decode the next picture; starting them anew costs some tens of microseconds. Other threads' workers
  // stay.
  if (libtorch().omp_pause_resource != nullptr) {
    constexpr int omp_pause_soft = 1;
    libtorch().omp_pause_resource(omp_pause_soft, libtorch().omp_get_initial_device());
  }
  if (threads_before_ > 0) libtorch().omp_set_num_threads(threads_before_);
  libtorch().aoti_torch_grad_mode_set_enabled(gradients_before_);
}

}  // namespace mediscan::backend::torch
