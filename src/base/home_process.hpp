// Remembers in which process something was made. A child made by fork() has a copy of its memory, but none of its
// threads: whoever waits for one of those there waits for ever.
#pragma once

#include <sys/types.h>
#include <cstddef>
#include <mediscan/error.hpp>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

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

/// For the destructor of an object whose threads stayed in another process: what it shared with them is never
/// destroyed, since a condition variable that thinks it has a waiter would wait for it for ever. Needs no memory.
template <class T>
void leave_behind(std::shared_ptr<T>& shared) noexcept {
  alignas(std::shared_ptr<T>) std::byte place[sizeof(std::shared_ptr<T>)];
  new (place) std::shared_ptr<T>(std::move(shared));
}

}  // namespace mediscan::base
