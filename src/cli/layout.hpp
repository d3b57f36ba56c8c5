// The few shapes that all human output is made of: a percentage, a bar, a named field, a paragraph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/terminal.hpp"

namespace mediscan::cli {

/// "71.2 %". What is not quite 0 or 1 never rounds to it: "<0.1 %", ">99.9 %".
std::string percent(double probability);

/// A threshold as a person set it: "50 %", "12.3 %".
std::string threshold(double value);

/// "512 bytes", "2.9 MiB".
std::string size_text(std::uint64_t bytes);

/// "0.8 ms", "312 ms", "4.21 s".
std::string duration_text(double milliseconds);

/// " · " where the style has Unicode, ", " elsewhere.
std::string_view separator(const Style& style);

/// `cells` columns, filled from the left to `fraction` (eighths of a cell in Unicode), with a tick in the cell of
/// `tick`.
std::string bar(const Style& style, double fraction, std::size_t cells, std::optional<double> tick = std::nullopt);

/// Lines of text at `indent`, wrapped to the style's width, each ended by a newline. The text is escaped.
std::string paragraph(const Style& style, std::size_t indent, std::string_view text, Ink ink = Ink::plain);

/// "  name          value", the value wrapped under itself. Both are escaped.
std::string field(const Style& style, std::string_view name, std::string_view value, Ink ink = Ink::plain,
                  std::size_t indent = 2, std::size_t name_width = 14);

}  // namespace mediscan::cli
