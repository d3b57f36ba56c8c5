// Catching a mediscan::Error so that a test can look at all of it.
#pragma once

#include <doctest/doctest.h>

#include <mediscan/error.hpp>
#include <string>

namespace mediscan::test {

/// Runs `action` and returns the Error it must throw; fails the test when it throws nothing.
template <class Action>
Error error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no mediscan::Error was thrown");
  return Error(ErrorCode::internal, Stage::argument, "unreachable");
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace mediscan::test
