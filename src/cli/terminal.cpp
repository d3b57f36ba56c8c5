#include "cli/terminal.hpp"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>

namespace mediscan::cli {
namespace {

constexpr std::size_t narrowest = 40;
constexpr std::size_t widest = 120;  // longer lines are hard to follow with the eye
constexpr std::size_t default_width = 80;

bool non_empty(const char* value) { return value != nullptr && *value != '\0'; }

std::string_view sequence_of(Ink ink) {
  switch (ink) {
    case Ink::plain:
      return "";
    case Ink::bold:
      return "\x1b[1m";
    case Ink::dim:
      return "\x1b[2m";
    case Ink::red:
      return "\x1b[1;31m";
    case Ink::green:
      return "\x1b[32m";
    case Ink::yellow:
      return "\x1b[1;33m";
    case Ink::cyan:
      return "\x1b[36m";
    case Ink::loud:
      return "\x1b[1;7;31m";
  }
  return "";
}

}  // namespace

bool wants_color(bool is_terminal, const ColorEnvironment& environment) {
  if (non_empty(environment.no_color)) return false;
  if (non_empty(environment.clicolor_force) && std::string_view(environment.clicolor_force) != "0") return true;
  if (!is_terminal) return false;
  return non_empty(environment.term) && std::string_view(environment.term) != "dumb";
}

std::size_t usable_width(std::size_t reported) {
  return reported == 0 ? default_width : std::clamp(reported, narrowest, widest);
}

bool set_up_locale() {
  const bool known = std::setlocale(LC_CTYPE, "") != nullptr;
  const bool unicode = known && std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
  if (!unicode) std::setlocale(LC_CTYPE, "C.UTF-8");
  return unicode;
}

Style style_of(int descriptor, bool unicode) {
  const bool is_terminal = ::isatty(descriptor) == 1;
  Style style;
  style.color = wants_color(is_terminal, {std::getenv("NO_COLOR"), std::getenv("CLICOLOR_FORCE"), std::getenv("TERM")});
  style.unicode = unicode;
  struct winsize size {};
  const bool answered = is_terminal && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0;
  style.width = usable_width(answered ? size.ws_col : 0);
  return style;
}

std::string paint(const Style& style, Ink ink, std::string_view text) {
  if (!style.color || ink == Ink::plain || text.empty()) return std::string(text);
  std::string painted(sequence_of(ink));
  painted += text;
  painted += "\x1b[0m";
  return painted;
}

}  // namespace mediscan::cli
