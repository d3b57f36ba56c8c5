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
    : gradients_before_(libtorch().aoti_torch_grad_mode_is_enabled()),
      splitter_(&split_by_libtorch),
      openmp_(libtorch()) {
  libtorch().aoti_torch_grad_mode_set_enabled(false);
  if (libtorch().omp_set_num_threads == nullptr) return;
  std::uint32_t ignored = 0;
  libtorch().torch_get_num_threads(
      &ignored);  // LibTorch's first call in a thread sets a default of its own; it would undo ours
  openmp_.set_threads(threads);
}

ThreadScope::~ThreadScope() { libtorch().aoti_torch_grad_mode_set_enabled(gradients_before_); }

}  // namespace mediscan::backend::torch
