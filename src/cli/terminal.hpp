// What the terminal at the other end can show: whether it is one, how wide, with colours, with Unicode.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mediscan::cli {

/// How to draw. Decided once from the terminal; every renderer takes it as a value.
struct Style {
  bool color = false;
  bool unicode = false;    ///< block characters for bars, '#' otherwise
  std::size_t width = 80;  ///< columns, 40 to 120
};

/// The environment variables that speak about colours; null when not set.
struct ColorEnvironment {
  const char* no_color = nullptr;  ///< NO_COLOR: any non-empty value switches colours off (no-color.org)
  const char* clicolor_force =
      nullptr;                 ///< CLICOLOR_FORCE: any non-empty value but "0" switches them on, terminal or not
  const char* term = nullptr;  ///< TERM: "dumb" has none
};

bool wants_color(bool is_terminal, const ColorEnvironment& environment);

/// Columns to use when the terminal says it has `reported` (0: it does not say).
std::size_t usable_width(std::size_t reported);

/// Takes LC_CTYPE from the environment; where that is not UTF-8 the C library still gets UTF-8 character widths. True
/// when the user's own locale is UTF-8.
bool set_up_locale();

Style style_of(int descriptor, bool unicode);

enum class Ink {
  plain,
  bold,
  dim,
  red,     ///< failures
  green,   ///< what works
  yellow,  ///< warnings, labels over their operating point
  cyan,    ///< bars
  loud,    ///< reverse video: SIMULATED
};

/// The text in that ink; the text alone when the style has no colours.
std::string paint(const Style& style, Ink ink, std::string_view text);

}  // namespace mediscan::cli
