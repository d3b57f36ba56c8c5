// Remembers in which process something was made. A child made by fork() has a copy of its memory, but none of its
// threads: whoever waits for one of those there waits for ever.
#pragma once

#include <sys/types.h>
#include <mediscan/error.hpp>
#include <string_view>

namespace mediscan::base {

class HomeProcess {
 public:
  HomeProcess() noexcept;

  /// False in a child made by fork() after this object was made.
  [[nodiscard]] bool is_here() const noexcept;

  /// Throws FORKED in such a child; `what` begins the message: "model skin-demo 1.0.0".
  void require(Stage stage, std::string_view what) const;

 private:
  pid_t pid_;
};

}  // namespace mediscan::base
