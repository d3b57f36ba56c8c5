// What the library finds on this machine and the state of models, as people read it.
#pragma once

#include <mediscan/system.hpp>
#include <span>
#include <string>

#include "cli/terminal.hpp"

namespace mediscan::cli {

std::string render_system(const SystemReport& report, const Style& style);
std::string render_model(const ModelStatus& status, const Style& style);

}  // namespace mediscan::cli
