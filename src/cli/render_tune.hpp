// What was measured while tuning, as people read it.
#pragma once

#include <mediscan/tune.hpp>
#include <string>

#include "cli/terminal.hpp"

namespace mediscan::cli {

/// `named`: the profile stands where someone said, so that loads do not find it by themselves.
std::string render_tune(const TuneReport& report, bool named, const Style& style);

}  // namespace mediscan::cli
