// The OpenMP that a library computes with, found at run time as the library is, and its settings on one thread.
#pragma once

#include <optional>

namespace mediscan::backend {

struct OpenMp {
  int (*omp_get_max_threads)() = nullptr;
  void (*omp_set_num_threads)(int) = nullptr;
  /// OpenMP 5.0, both or neither.
  int (*omp_pause_resource)(int kind, int device) = nullptr;
  int (*omp_get_initial_device)() = nullptr;

  /// What `scope`, of dlopen or RTLD_DEFAULT, has. Nothing where it has no thread count.
  static std::optional<OpenMp> resolve(void* scope);
};

/// The calling thread's settings for as long as we compute on it. The host's own come back afterwards, and the workers
/// that computed with us end; other threads' are never touched. Does nothing without an OpenMP.
class OpenMpScope {
 public:
  /// `openmp` must outlive it.
  explicit OpenMpScope(const OpenMp& openmp) noexcept;
  ~OpenMpScope();
  OpenMpScope(const OpenMpScope&) = delete;
  OpenMpScope& operator=(const OpenMpScope&) = delete;

  void set_threads(int threads) noexcept;

 private:
  const OpenMp& openmp_;
  int threads_before_ = 0;  // 0: there is no OpenMP
};

}  // namespace mediscan::backend
