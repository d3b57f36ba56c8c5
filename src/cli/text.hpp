// Text that came from outside (file names, bundles, error texts) made fit for a terminal: escaped, measured in columns,
// wrapped. Nothing here knows of colours; paint after wrapping.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan::cli {

/// The text with everything that could move the cursor, recolour or reorder a line shown as an escape: control
/// characters (\n, \x1b), bytes that are no UTF-8 (\xff), bidirectional and invisible marks (\u202e). Other text is
/// unchanged.
std::string escaped(std::string_view text);

/// The text with every byte that is no UTF-8 replaced by U+FFFD, for formats that must be UTF-8.
std::string valid_utf8(std::string_view text);

/// Columns that the text takes on a terminal. Wide characters take two, combining ones none. Needs LC_CTYPE to be a
/// UTF-8 locale to know them; elsewhere every character counts one.
std::size_t display_width(std::string_view text);

/// The text followed by spaces up to `width` columns; unchanged when it is wider.
std::string padded(std::string_view text, std::size_t width);

/// Lines of at most `width` columns, broken at spaces, and inside a word only when it is longer than a line. At least
/// one line.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

}  // namespace mediscan::cli
