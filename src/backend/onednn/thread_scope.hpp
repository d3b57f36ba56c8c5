// OpenMP's settings of the calling thread for as long as we compute on it with oneDNN: so many threads, and loops of
// ours split among them. The host's own settings come back afterwards, and the workers that computed with us end; other
// threads' are never touched.
#pragma once

#include "backend/parallel.hpp"

namespace mediscan::backend::onednn {

class ThreadScope {
 public:
  /// Needs an opened oneDNN.
  explicit ThreadScope(int threads) noexcept;
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int threads_before_ = 0;  // 0: this oneDNN has no threads
  SplitterScope splitter_;
};

}  // namespace mediscan::backend::onednn
