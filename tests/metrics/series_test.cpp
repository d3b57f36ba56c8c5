// What becomes of a model's name on its way into a label.
#include "metrics/series.hpp"

#include <doctest/doctest.h>

using mediscan::metrics::label_text;

TEST_CASE("a label keeps every text as it is") {
  for (const std::string text :
       {"", "skin-demo", "a\"b\\c\nd\te\r", "Hautläsion \xE7\x9A\xAE\xE8\x86\x9A \xF0\x9F\xA9\xBA"}) {
    CHECK(label_text(text) == text);
  }
  CHECK(label_text(std::string("a\0b", 3)) == std::string("a\0b", 3));
}

// RFC 3629: 0xFF is never UTF-8, 0xC3 begins a sequence of two, 0xC0 0xAF would be an overlong slash.
TEST_CASE("bytes that are no UTF-8 become U+FFFD") {
  CHECK(label_text("a\xFFz") == "a\xEF\xBF\xBDz");
  CHECK(label_text("cut \xC3") == "cut \xEF\xBF\xBD");
  CHECK(label_text("\xC0\xAF").find('\xC0') == std::string::npos);
}
