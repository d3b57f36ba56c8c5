#include "cli/text.hpp"

#include <doctest/doctest.h>

#include "cli/terminal.hpp"

namespace mediscan::cli {

TEST_CASE("what could drive the terminal is shown as an escape") {
  CHECK(escaped("plain name.jpg") == "plain name.jpg");
  CHECK(escaped("\x1b[2Jgone") == "\\x1b[2Jgone");
  CHECK(escaped("a\nb\rc\td\x7f") == "a\\nb\\rc\\td\\x7f");
  CHECK(escaped("\xc2\x9b"
                "2J") == "\\u009b2J");                                               // C1: CSI in one character
  CHECK(escaped(std::string("gpj.\xe2\x80") + '\xae' + "exe") == "gpj.\\u202eexe");  // right-to-left override
  CHECK(escaped("a\xe2\x80\x8b"
                "b") == "a\\u200bb");                   // zero-width space
  CHECK(escaped("\xf3\xa0\x81\x81") == "\\U000e0041");  // tag character
}

TEST_CASE("bytes that are no UTF-8 are shown one by one, and what follows is kept") {
  CHECK(escaped("\xff.jpg") == "\\xff.jpg");
  CHECK(escaped("\xc0\xaf") == "\\xc0\\xaf");                    // overlong "/"
  CHECK(escaped("\xe0\x80\x9b") == "\\xe0\\x80\\x9b");           // overlong control character
  CHECK(escaped("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // surrogate
  CHECK(escaped("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  CHECK(escaped("cut \xe2\x82") == "cut \\xe2\\x82");
  CHECK(escaped("h\xc3\xa9llo") == "h\xc3\xa9llo");
}

TEST_CASE("text becomes valid UTF-8 by replacing only what is not") {
  CHECK(valid_utf8("ok \xc3\xa9") == "ok \xc3\xa9");
  CHECK(valid_utf8("a\xff"
                   "b") ==
        "a\xef\xbf\xbd"
        "b");
}

TEST_CASE("wide characters take two columns and combining ones none") {
  set_up_locale();
  CHECK(display_width("melanoma") == 8);
  CHECK(display_width("\xe9\xbb\x91\xe8\x89\xb2") == 4);  // two CJK characters
  CHECK(display_width("e\xcc\x81") == 1);                 // e and a combining acute
  CHECK(padded("\xe9\xbb\x91", 4) == "\xe9\xbb\x91  ");
  CHECK(padded("too long", 3) == "too long");
}

TEST_CASE("lines break at spaces, and inside a word only when it is longer than a line") {
  set_up_locale();
  CHECK(wrapped("basal cell carcinoma", 11) == std::vector<std::string>{"basal cell", "carcinoma"});
  CHECK(wrapped("carcinoma", 4) == std::vector<std::string>{"carc", "inom", "a"});
  CHECK(wrapped("a carcinoma in situ", 5) == std::vector<std::string>{"a", "carci", "noma", "in", "situ"});
  CHECK(wrapped("", 10) == std::vector<std::string>{""});
  CHECK(wrapped("  two   spaces ", 20) == std::vector<std::string>{"two spaces"});
  CHECK(wrapped("\xe9\xbb\x91\xe8\x89\xb2", 3) == std::vector<std::string>{"\xe9\xbb\x91", "\xe8\x89\xb2"});
  CHECK(wrapped("ab", 0) == std::vector<std::string>{"a", "b"});
}

}  // namespace mediscan::cli
