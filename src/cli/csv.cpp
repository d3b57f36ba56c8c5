#include "cli/csv.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>

namespace mediscan::cli {
namespace {

constexpr std::array<std::string_view, 16> columns = {
    "file",  "sha256",    "model", "model_version", "backend",         "simulated", "cached", "code",
    "label", "available", "logit", "probability",   "operating_point", "decision",  "error",  "notice"};

std::string line_of(std::span<const std::string> fields) {
  std::string line;
  for (const auto& field : fields) {
    if (!line.empty() || &field != fields.data()) line += ',';
    line += csv_field(field);
  }
  return line + '\n';
}

std::string_view word(bool value) { return value ? "true" : "false"; }

std::string number(std::optional<double> value) { return value ? fmt::format("{}", *value) : std::string(); }

}  // namespace

std::string csv_field(std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(field);
  std::string quoted = "\"";
  for (const char character : field) {
    if (character == '"') quoted += '"';
    quoted += character;
  }
  return quoted + '"';
}

std::string csv_header() {
  const std::vector<std::string> names(columns.begin(), columns.end());
  return line_of(names);
}

std::string csv_rows(const Result& result) {
  std::string rows;
  for (const auto& finding : result.findings) {
    const std::array<std::string, columns.size()> fields = {
        result.input.name,
        result.input.sha256,
        result.model.name,
        result.model.version,
        result.execution.backend,
        std::string(word(result.execution.simulated)),
        std::string(word(result.execution.cached)),
        finding.code,
        finding.label,
        std::string(word(finding.available)),
        finding.available ? number(finding.logit) : std::string(),
        number(finding.probability),
        number(finding.operating_point),
        finding.decision ? std::string(word(*finding.decision)) : std::string(),
        std::string(),
        result.notice,
    };
    rows += line_of(fields);
  }
  return rows;
}

std::string csv_row(const Error& error, std::string_view file) {
  std::array<std::string, columns.size()> fields;
  fields.front() = file;
  fields[columns.size() - 2] = fmt::format("{}: {}", name_of(error.code()), error.message());
  fields.back() = research_notice;
  return line_of(fields);
}

}  // namespace mediscan::cli
