#include "cli/text.hpp"

#include <fmt/format.h>
#include <wchar.h>  // NOLINT(modernize-deprecated-headers): wcwidth is POSIX's, not in cwchar

#include <algorithm>
#include <cstdint>
#include <optional>

namespace mediscan::cli {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
};

unsigned byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

/// The code point that begins at `at`; nullopt when the bytes there are not UTF-8 (RFC 3629: no overlong forms, no
/// surrogates).
std::optional<CodePoint> code_point(std::string_view text, std::size_t at) {
  const unsigned lead = byte_at(text, at);
  if (lead < 0x80) return CodePoint{lead, 1};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + bytes > text.size()) return std::nullopt;
  std::uint32_t value = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    const unsigned next = byte_at(text, at + i);
    if ((next & 0xC0U) != 0x80U) return std::nullopt;
    value = (value << 6U) | (next & 0x3FU);
  }
  const bool overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return std::nullopt;
  return CodePoint{value, bytes};
}

/// Characters that show as nothing but change how the rest of the line looks. The joiners U+200C and U+200D are part of
/// ordinary writing and stay.
bool deceptive(std::uint32_t value) {
  return value == 0x061C || value == 0x180E || value == 0x200B || value == 0x200E || value == 0x200F ||
         (value >= 0x2028 && value <= 0x202E) || (value >= 0x2060 && value <= 0x206F) || value == 0xFEFF ||
         (value >= 0xFFF9 && value <= 0xFFFB) || (value >= 0xE0000 && value <= 0xE007F);
}

bool control(std::uint32_t value) { return value < 0x20 || (value >= 0x7F && value < 0xA0); }

std::string escape_of(std::uint32_t value) {
  if (value == '\n') return "\\n";
  if (value == '\r') return "\\r";
  if (value == '\t') return "\\t";
  if (value < 0x80) return fmt::format("\\x{:02x}", value);
  return value < 0x10000 ? fmt::format("\\u{:04x}", value) : fmt::format("\\U{:08x}", value);
}

std::size_t width_of(std::uint32_t value) {
  const int columns = ::wcwidth(static_cast<wchar_t>(value));
  return columns < 0 ? 1 : static_cast<std::size_t>(columns);
}

/// Bytes of the longest beginning of `text` that fits `width` columns; at least one character.
std::size_t fitting_bytes(std::string_view text, std::size_t width) {
  std::size_t used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const CodePoint point = code_point(text, at).value_or(CodePoint{'?', 1});
    used += width_of(point.value);
    if (used > width && at > 0) break;
    at += point.bytes;
  }
  return at;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto point = code_point(text, at);
    if (!point) {
      result += fmt::format("\\x{:02x}", byte_at(text, at));
      ++at;
      continue;
    }
    if (control(point->value) || deceptive(point->value)) {
      result += escape_of(point->value);
    } else {
      result += text.substr(at, point->bytes);
    }
    at += point->bytes;
  }
  return result;
}

std::string valid_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto point = code_point(text, at);
    result += point ? text.substr(at, point->bytes) : std::string_view("\xEF\xBF\xBD");
    at += point ? point->bytes : 1;
  }
  return result;
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point(text, at).value_or(CodePoint{'?', 1});
    columns += width_of(point.value);
    at += point.bytes;
  }
  return columns;
}

std::string padded(std::string_view text, std::size_t width) {
  const std::size_t columns = display_width(text);
  return std::string(text) + std::string(columns < width ? width - columns : 0, ' ');
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  width = std::max<std::size_t>(width, 1);
  std::vector<std::string> lines;
  std::string line;
  const auto finish_line = [&] {
    if (!line.empty()) lines.push_back(std::move(line));
    line.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    std::string_view word = text.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    if (!line.empty() && display_width(line) + 1 + display_width(word) > width) finish_line();
    while (display_width(word) > width) {  // only ever on a fresh line
      const std::size_t bytes = fitting_bytes(word, width);
      lines.emplace_back(word.substr(0, bytes));
      word.remove_prefix(bytes);
    }
    if (word.empty()) continue;
    if (!line.empty()) line += ' ';
    line += word;
  }
  finish_line();
  if (lines.empty()) lines.emplace_back();
  return lines;
}

}  // namespace mediscan::cli
