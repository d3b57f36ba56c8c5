#include "cli/layout.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "cli/text.hpp"
#include "examples.hpp"

namespace mediscan::cli {
using test::ascii;
using test::narrow;
using test::plain;

TEST_CASE("a percentage never rounds to certainty") {
  CHECK(percent(0) == "0.0 %");
  CHECK(percent(0.0004) == "<0.1 %");
  CHECK(percent(0.712) == "71.2 %");
  CHECK(percent(0.99996) == ">99.9 %");
  CHECK(percent(1) == "100.0 %");
}

TEST_CASE("a threshold reads as it was set") {
  CHECK(threshold(0.5) == "50 %");
  CHECK(threshold(0.123456) == "12.3 %");
  CHECK(threshold(0.0074) == "0.74 %");
}

TEST_CASE("sizes and durations have a fitting unit") {
  CHECK(size_text(512) == "512 bytes");
  CHECK(size_text(3ULL << 20) == "3.0 MiB");
  CHECK(duration_text(0.84) == "0.8 ms");
  CHECK(duration_text(312.4) == "312 ms");
  CHECK(duration_text(4210) == "4.21 s");
}

TEST_CASE("a bar fills by eighths of a cell, or by whole cells without Unicode") {
  CHECK(bar(plain, 0, 4) == "    ");
  CHECK(bar(plain, 0.5, 4) == "██  ");
  CHECK(bar(plain, 0.53125, 4) == "██▏ ");  // 17 of 32 eighths
  CHECK(bar(plain, 1, 4) == "████");
  CHECK(bar(ascii, 0.5, 4) == "##  ");
  CHECK(bar(ascii, 0.65, 4) == "### ");
}

TEST_CASE("a bar keeps its width whatever it is given") {
  CHECK(bar(ascii, 2.0, 3) == "###");
  CHECK(bar(ascii, -1.0, 3) == "   ");
  CHECK(bar(ascii, std::numeric_limits<double>::quiet_NaN(), 3) == "   ");
  CHECK(bar(ascii, 0.5, 0).empty());
}

TEST_CASE("the tick of an operating point stands in its cell, inside the bar or beyond it") {
  CHECK(bar(plain, 0.25, 4, 0.5) == "█ │ ");
  CHECK(bar(plain, 1.0, 4, 0.5) == "██│█");
  CHECK(bar(ascii, 0.25, 4, 0.999) == "#  |");
}

TEST_CASE("a field wraps under its value and escapes both") {
  CHECK(field(narrow, "limitations", "fails on pictures of hair and of rulers") ==
        "  limitations   fails on pictures of\n"
        "                hair and of rulers\n");
  CHECK(field(plain, "na\x1bme", "va\x1blue") == "  na\\x1bme      va\\x1blue\n");
}

TEST_CASE("a paragraph takes line breaks as spaces and keeps to the width") {
  CHECK(paragraph(narrow, 2, "one\ntwo") == "  one two\n");
  CHECK(paragraph(narrow, 30, "ten columns are left") ==
        std::string(30, ' ') + "ten\n" + std::string(30, ' ') + "columns\n" + std::string(30, ' ') + "are left\n");
}

}  // namespace mediscan::cli
