// Results as CSV, one line a finding. Fields are quoted as RFC 4180 says; lines end in a plain newline.
#pragma once

#include <mediscan/result.hpp>
#include <span>
#include <string>
#include <string_view>

namespace mediscan::cli {

/// The field as it stands in a line: quoted when it has a comma, a quote or a line break.
std::string csv_field(std::string_view field);

/// The line that names the columns.
std::string csv_header();

/// One line a finding. Absent numbers are empty fields; true and false are words.
std::string csv_rows(const Result& result);

/// One line for a picture that has no result: its name, the error and the notice.
std::string csv_row(const Error& error, std::string_view file);

}  // namespace mediscan::cli
