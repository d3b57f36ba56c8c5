#include "cli/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

constexpr std::array<std::string_view, 8> eighths = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

std::string_view cell_at(const Style& style, std::size_t cell, std::size_t filled_eighths) {
  const std::size_t start = cell * 8;
  if (!style.unicode) return start + 4 <= filled_eighths ? "#" : " ";
  if (start + 8 <= filled_eighths) return "█";
  return eighths[filled_eighths > start ? filled_eighths - start : 0];
}

}  // namespace

std::string percent(double probability) {
  if (probability > 0 && probability < 0.001) return "<0.1 %";
  if (probability < 1 && probability > 0.999) return ">99.9 %";
  return fmt::format("{:.1f} %", probability * 100);
}

std::string threshold(double value) { return fmt::format("{:.3g} %", value * 100); }

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  constexpr std::array<std::string_view, 4> units = {"KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string duration_text(double milliseconds) {
  if (milliseconds >= 1000) return fmt::format("{:.2f} s", milliseconds / 1000);
  return milliseconds < 100 ? fmt::format("{:.1f} ms", milliseconds) : fmt::format("{:.0f} ms", milliseconds);
}

std::string_view separator(const Style& style) { return style.unicode ? " · " : ", "; }

std::string bar(const Style& style, double fraction, std::size_t cells, std::optional<double> tick) {
  const double bounded = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
  const auto filled = static_cast<std::size_t>(std::lround(bounded * static_cast<double>(cells * 8)));
  std::size_t tick_cell = cells;
  if (tick && cells > 0) {
    tick_cell = std::min(cells - 1, static_cast<std::size_t>(std::clamp(*tick, 0.0, 1.0) * static_cast<double>(cells)));
  }
  std::string drawn;
  for (std::size_t cell = 0; cell < cells; ++cell) {
    drawn += cell == tick_cell ? std::string_view(style.unicode ? "│" : "|") : cell_at(style, cell, filled);
  }
  return drawn;
}

std::string paragraph(const Style& style, std::size_t indent, std::string_view text, Ink ink) {
  std::string prose(text);  // line breaks in prose are spaces here, not something to warn of
  std::replace_if(
      prose.begin(), prose.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  std::string lines;
  for (const auto& line : wrapped(escaped(prose), style.width > indent ? style.width - indent : 1)) {
    lines += std::string(indent, ' ') + paint(style, ink, line) + '\n';
  }
  return lines;
}

std::string field(const Style& style, std::string_view name, std::string_view value, Ink ink, std::size_t indent,
                  std::size_t name_width) {
  const std::size_t margin = indent + name_width;
  std::string head = std::string(indent, ' ') + paint(style, Ink::dim, padded(escaped(name), name_width));
  std::string lines;
  for (const auto& line : wrapped(escaped(value), style.width > margin + 8 ? style.width - margin : 8)) {
    lines += head + paint(style, ink, line) + '\n';
    head = std::string(margin, ' ');
  }
  return lines;
}

}  // namespace mediscan::cli
