#include "base/home_process.hpp"

#include <doctest/doctest.h>

#include "errors.hpp"
#include "forked.hpp"

namespace mediscan::base {
namespace {

TEST_CASE("at home nothing is refused") {
  const HomeProcess home;
  CHECK(home.is_here());
  home.require(Stage::model, "model x");
}

TEST_CASE("in a child made by fork() use is FORKED, with the remedy") {
  const HomeProcess home;
  const int code = test::exit_code_of_child([&] {
    const Error error = test::error_of([&] { home.require(Stage::model, "model x"); });
    const bool clear = error.message().rfind("model x was made in process", 0) == 0 && !error.hint().empty();
    return !home.is_here() && error.code() == ErrorCode::forked && error.stage() == Stage::model && clear ? 0 : 2;
  });
  CHECK(code == 0);
}

}  // namespace
}  // namespace mediscan::base
