// A Result, or the Error in its place, as people read it. Pure: a value in, text out.
#pragma once

#include <cstddef>
#include <mediscan/error.hpp>
#include <mediscan/result.hpp>
#include <string>
#include <string_view>

#include "cli/terminal.hpp"

namespace mediscan::cli {

/// Shows the `shown` most probable findings and every label over its operating point, whatever its place.
std::string render_result(const Result& result, std::size_t shown, const Style& style);

/// "mediscan: MESSAGE (CODE)" and "  hint: HINT" when there is one.
std::string render_error(const Error& error, const Style& style);

}  // namespace mediscan::cli
