// The examination of this machine as a friend would explain it: what works, what does not, where was looked, what to
// do.
#pragma once

#include <mediscan/system.hpp>
#include <string>

#include "cli/terminal.hpp"

namespace mediscan::cli {

/// True when a backend that computes scores from weights works here.
bool has_real_backend(const SystemReport& report);

std::string render_doctor(const SystemReport& report, const Style& style);

}  // namespace mediscan::cli
