#include "backend/openmp.hpp"

#include "base/symbol.hpp"

namespace mediscan::backend {

std::optional<OpenMp> OpenMp::resolve(void* scope) {
  OpenMp found;
  base::resolve_symbol(scope, "omp_get_max_threads", found.omp_get_max_threads);
  base::resolve_symbol(scope, "omp_set_num_threads", found.omp_set_num_threads);
  if (found.omp_get_max_threads == nullptr || found.omp_set_num_threads == nullptr) return std::nullopt;
  base::resolve_symbol(scope, "omp_pause_resource", found.omp_pause_resource);
  base::resolve_symbol(scope, "omp_get_initial_device", found.omp_get_initial_device);
  if (found.omp_get_initial_device == nullptr) found.omp_pause_resource = nullptr;
  return found;
}

OpenMpScope::OpenMpScope(const OpenMp& openmp) noexcept
    : openmp_(openmp), threads_before_(openmp.omp_get_max_threads == nullptr ? 0 : openmp.omp_get_max_threads()) {}

void OpenMpScope::set_threads(int threads) noexcept {
  if (threads_before_ > 0) openmp_.omp_set_num_threads(threads);
}

OpenMpScope::~OpenMpScope() {
  // The calling thread's workers end. Left alive they would spin for milliseconds, waiting for a next region, on the
  // cores that decode the next picture; starting them anew costs some tens of microseconds. Other threads' workers
  // stay.
  if (openmp_.omp_pause_resource != nullptr) {
    constexpr int omp_pause_soft = 1;
    openmp_.omp_pause_resource(omp_pause_soft, openmp_.omp_get_initial_device());
  }
  if (threads_before_ > 0) openmp_.omp_set_num_threads(threads_before_);
}

}  // namespace mediscan::backend
