// Runs a part of a test in a child made by fork(). Not for tests that start threads there.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mediscan::test {

/// The exit code of a child that ends with what `action` returns, 99 when it threw, -1 when it ended by a signal. A
/// child that hangs is killed after a minute.
template <class Action>
int exit_code_of_child(Action&& action) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(60);
    int code = 99;
    try {
      code = action();
    } catch (...) {  // NOLINT(bugprone-empty-catch): the code says it
    }
    ::_exit(code);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace mediscan::test
