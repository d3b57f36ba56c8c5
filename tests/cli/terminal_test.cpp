#include "cli/terminal.hpp"

#include <doctest/doctest.h>

#include "examples.hpp"

namespace mediscan::cli {

TEST_CASE("colours are for terminals, and the user has the last word") {
  CHECK(wants_color(true, {nullptr, nullptr, "xterm"}));
  CHECK_FALSE(wants_color(false, {nullptr, nullptr, "xterm"}));
  CHECK_FALSE(wants_color(true, {"1", nullptr, "xterm"}));
  CHECK_FALSE(wants_color(true, {"0", nullptr, "xterm"}));  // any non-empty value of NO_COLOR, as no-color.org says
  CHECK(wants_color(true, {"", nullptr, "xterm"}));
  CHECK_FALSE(wants_color(true, {nullptr, nullptr, "dumb"}));
  CHECK_FALSE(wants_color(true, {nullptr, nullptr, nullptr}));
  CHECK(wants_color(false, {nullptr, "1", "xterm"}));
  CHECK_FALSE(wants_color(false, {nullptr, "0", "xterm"}));
  CHECK_FALSE(wants_color(true, {"1", "1", "xterm"}));
}

TEST_CASE("the width is the terminal's, between 40 and 120") {
  CHECK(usable_width(0) == 80);
  CHECK(usable_width(20) == 40);
  CHECK(usable_width(97) == 97);
  CHECK(usable_width(300) == 120);
}

TEST_CASE("paint adds sequences only to a coloured style") {
  CHECK(paint(mediscan::test::plain, Ink::red, "x") == "x");
  CHECK(paint(mediscan::test::colored, Ink::bold, "x") == "\x1b[1mx\x1b[0m");
  CHECK(paint(mediscan::test::colored, Ink::plain, "x") == "x");
  CHECK(paint(mediscan::test::colored, Ink::red, "") == "");
}

}  // namespace mediscan::cli
