#include "cli/progress.hpp"

#include <fmt/format.h>

#include "cli/text.hpp"

namespace mediscan::cli {

// A dumb terminal cannot take a line back, and without colours we do not send it any sequence either.
Progress::Progress(Output& err, bool notes, bool line)
    : err_(err), notes_(notes && err.is_terminal()), line_(line && err.is_terminal() && err.style().color) {}

Progress::~Progress() { clear(); }

void Progress::show(std::string_view text) {
  if (!line_) return;
  const auto first = wrapped(escaped(text), err_.style().width - 1).front();  // one line, or it could not be taken back
  err_.try_write(fmt::format("\r\x1b[K{}", paint(err_.style(), Ink::dim, first)));
  shown_ = true;
}

void Progress::clear() {
  if (!shown_) return;
  err_.try_write("\r\x1b[K");
  shown_ = false;
}

void Progress::note(std::string_view text) {
  if (!notes_) return;
  clear();
  err_.try_write(paint(err_.style(), Ink::dim, escaped(text)) + '\n');
}

}  // namespace mediscan::cli
