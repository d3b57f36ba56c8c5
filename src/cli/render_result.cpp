#include "cli/render_result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "cli/layout.hpp"
#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

constexpr std::size_t indent = 2;
constexpr std::size_t percent_width = 7;  // ">99.9 %"
constexpr std::size_t marker_width = 12;  // "under 12.3 %"
constexpr std::size_t roomy = 60;         // below it the marker is one character

struct Columns {
  std::size_t label = 0;
  std::size_t bar = 0;
  bool words = true;  ///< the marker is words, not one character
};

Columns columns_for(const std::vector<Finding>& findings, const Style& style) {
  Columns columns;
  columns.words = style.width >= roomy;
  const std::size_t marker = columns.words ? marker_width : 1;
  const std::size_t most = style.width * 9 / 20;
  for (const auto& finding : findings) {
    if (finding.available) columns.label = std::max(columns.label, display_width(escaped(finding.label)));
  }
  columns.label = std::min(columns.label, most);
  const std::size_t fixed = indent + columns.label + 2 + percent_width + 2 + 1 + marker;
  columns.bar = style.width > fixed + 4 ? std::min<std::size_t>(style.width - fixed, 40) : 4;
  return columns;
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return result;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (const auto& part : parts) {
    if (!text.empty()) text += between;
    text += part;
  }
  return text;
}

std::string header(const InputRecord& input, const Style& style) {
  const std::string name = escaped(input.name.empty() ? "(unnamed)" : input.name);
  const std::string size = fmt::format("{}{}{}", input.width, style.unicode ? "×" : "x", input.height);
  const std::string facts =
      joined({size, upper(escaped(input.format)), fmt::format("{}-bit", input.bits)}, separator(style));
  const bool fits = display_width(name) + 2 + display_width(facts) <= style.width;
  return paint(style, Ink::bold, name) + (fits ? "  " : "\n  ") + paint(style, Ink::dim, facts) + '\n';
}

std::string simulated_banner(const ExecutionRecord& execution, const Style& style) {
  std::string text =
      std::string(indent, ' ') + paint(style, Ink::loud, style.color ? " SIMULATED " : "*** SIMULATED ***") + '\n';
  text += paragraph(style, indent, "These scores were made up. No model looked at this picture.", Ink::bold);
  if (execution.fallback_reason) text += paragraph(style, indent, "Why: " + *execution.fallback_reason);
  return text;
}

bool positive(const Finding& finding) { return finding.decision.value_or(false); }

/// What stands right of the bar: the decision, in words where there is room.
std::string marker(const Finding& finding, bool words, const Style& style) {
  const Ink ink = positive(finding) ? (finding.operating_point ? Ink::yellow : Ink::bold) : Ink::dim;
  std::string text;
  if (!words) {
    text = positive(finding) ? (style.unicode ? "●" : "*") : "";
  } else if (finding.operating_point) {
    text = fmt::format("{} {}", positive(finding) ? "over" : "under", threshold(*finding.operating_point));
  } else if (positive(finding)) {
    text = "top";
  }
  return paint(style, ink, text);
}

std::string without_trailing_spaces(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string finding_lines(const Finding& finding, const Columns& columns, const Style& style) {
  const auto label = wrapped(escaped(finding.label), columns.label);
  const double probability = finding.probability.value_or(0);
  std::string line = std::string(indent, ' ');
  line += paint(style, positive(finding) ? Ink::bold : Ink::plain, padded(label.front(), columns.label)) + "  ";
  line += fmt::format("{:>{}}  ", percent(probability), percent_width);
  line += paint(style, Ink::cyan, bar(style, probability, columns.bar, finding.operating_point));
  line += ' ' + marker(finding, columns.words, style);
  line = without_trailing_spaces(std::move(line)) + '\n';
  for (std::size_t i = 1; i < label.size(); ++i) line += std::string(indent, ' ') + label[i] + '\n';
  return line;
}

std::string findings_block(const std::vector<Finding>& findings, std::size_t shown, const Style& style) {
  const Columns columns = columns_for(findings, style);
  std::string text;
  std::vector<std::string> unavailable;
  std::size_t place = 0;
  std::size_t left_out = 0;
  double highest_left_out = 0;
  for (const auto& finding : findings) {
    if (!finding.available) {
      unavailable.push_back(finding.label);
    } else if (place++ < shown || positive(finding)) {
      text += finding_lines(finding, columns, style);
    } else {
      ++left_out;
      highest_left_out = std::max(highest_left_out, finding.probability.value_or(0));
    }
  }
  if (left_out > 0) {
    text += paragraph(
        style, indent,
        fmt::format("and {} more, the highest {} (--all shows them)", left_out, percent(highest_left_out)), Ink::dim);
  }
  if (!unavailable.empty()) {
    text += paragraph(style, indent, "Not available (never trained): " + joined(unavailable, ", "), Ink::dim);
  }
  return text;
}

std::string label_of(const Result& result, const std::string& code) {
  const auto found = std::find_if(result.findings.begin(), result.findings.end(),
                                  [&](const Finding& finding) { return finding.code == code; });
  return found == result.findings.end() ? code : found->label;
}

std::string summary_block(const Result& result, const Style& style) {
  std::string text;
  if (const auto& skin = result.summary.skin) {
    std::string line = fmt::format("Top class: {} {}", skin->top_label, percent(skin->top_probability));
    if (skin->malignant_probability) {
      line += fmt::format("{}malignant classes together {}", separator(style), percent(*skin->malignant_probability));
    }
    text += paragraph(style, indent, line, Ink::bold);
  }
  if (const auto& radiology = result.summary.radiology) {
    std::vector<std::string> labels;
    for (const auto& code : radiology->positive_codes) labels.push_back(label_of(result, code));
    text += labels.empty() ? paragraph(style, indent, "None over its operating point", Ink::bold)
                           : paragraph(style, indent, "Over their operating point: " + joined(labels, ", "), Ink::bold);
  }
  return text;
}

std::string record_block(const Result& result, const Style& style) {
  const auto& execution = result.execution;
  const auto& timing = result.timing_ms;
  std::string backend = execution.backend;
  if (!execution.backend_version.empty()) backend += ' ' + execution.backend_version;
  std::string total = fmt::format("{} (decode {:.1f}, preprocess {:.1f}, inference {:.1f}", duration_text(timing.total),
                                  timing.decode, timing.preprocess, timing.inference);
  total += execution.batch_size > 1 ? fmt::format(" for {} pictures)", execution.batch_size) : ")";
  const std::string line =
      joined({fmt::format("{} {} ({})", result.model.name, result.model.version, result.model.sha256.substr(0, 8)),
              backend, execution.device, execution.precision, total},
             separator(style));
  std::string text = paragraph(style, indent, line, Ink::dim);
  if (execution.precision_reason) {
    text += paragraph(style, indent, "Not faster, because: " + *execution.precision_reason, Ink::dim);
  }
  if (execution.profile_reason) {
    text += paragraph(style, indent, "Chosen: " + *execution.profile_reason, Ink::dim);
  }
  return text;
}

}  // namespace

std::string render_result(const Result& result, std::size_t shown, const Style& style) {
  std::string text = header(result.input, style);
  if (result.execution.simulated) text += simulated_banner(result.execution, style);
  text += findings_block(result.findings, shown, style);
  text += summary_block(result, style);
  for (const auto& warning : result.warnings) {
    if (warning.code == "SIMULATED" && result.execution.simulated) continue;  // the banner has said it louder
    text += paragraph(style, indent, fmt::format("Warning: {} ({})", warning.message, warning.code), Ink::yellow);
  }
  text += record_block(result, style);
  text += paragraph(style, indent, result.notice, Ink::dim);
  return text;
}

std::string render_error(const Error& error, const Style& style) {
  std::string text = paint(style, Ink::red, "mediscan:");
  text += fmt::format(" {} ({})\n", escaped(error.message()), name_of(error.code()));
  if (!error.hint().empty()) text += fmt::format("  hint: {}\n", escaped(error.hint()));
  return text;
}

}  // namespace mediscan::cli
