// What a quantisation did, for people.
#pragma once

#include <mediscan/quantize.hpp>

#include <string>

#include "cli/terminal.hpp"

namespace mediscan::cli {

std::string render_quantize(const QuantizeReport& report, const Style& style);

}  // namespace mediscan::cli
