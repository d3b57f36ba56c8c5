#include "image/second_thread.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <thread>

using mediscan::image::SecondThread;

namespace {

std::string thrown_by(const SecondThread& second, const std::function<void()>& here,
                      const std::function<void()>& there) {
  try {
    second.run_both(here, there);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

const auto throws = [](const char* what) { return [what] { throw std::runtime_error(what); }; };

}  // namespace

TEST_CASE("a budget of one thread grants no second") {
  const SecondThread second(1);
  CHECK_FALSE(second.granted());
  const auto caller = std::this_thread::get_id();
  int calls = 0;
  second.run_both([&] { CHECK(std::this_thread::get_id() == caller); },
                  [&] {
                    CHECK(std::this_thread::get_id() == caller);
                    ++calls;
                  });
  CHECK(calls == 1);
}

TEST_CASE("a second thread does its part while the first does its own") {
  const SecondThread second(2);
  REQUIRE(second.granted());
  std::thread::id here;
  std::thread::id there;
  second.run_both([&] { here = std::this_thread::get_id(); }, [&] { there = std::this_thread::get_id(); });
  CHECK(here == std::this_thread::get_id());
  CHECK(there != here);
}

TEST_CASE("claims at once do not exceed the budget, and end with their owners") {
  {
    const SecondThread first(2);
    CHECK(first.granted());
    CHECK_FALSE(SecondThread(2).granted());
    CHECK_FALSE(SecondThread(3).granted());
    CHECK(SecondThread(4).granted());
  }
  CHECK(SecondThread(2).granted());
}

TEST_CASE("what either part throws reaches the caller, the first part's before the second's") {
  for (const int budget : {1, 2}) {
    CAPTURE(budget);
    const SecondThread second(budget);
    CHECK(thrown_by(second, throws("here"), [] {}) == "here");
    CHECK(thrown_by(
              second, [] {}, throws("there")) == "there");
    CHECK(thrown_by(second, throws("here"), throws("there")) == "here");
  }
}
