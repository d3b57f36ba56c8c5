// The command line as functions: arguments in, exit code out. main.cpp only sets the process up around run_command.
#pragma once

#include <string>
#include <vector>

#include "cli/output.hpp"

namespace mediscan::cli {

enum class Exit : int {
  ok = 0,
  some_failed = 1,     ///< some inputs have no result, or results could not be written
  usage = 2,           ///< the command line asks for something that makes no sense
  nothing_usable = 3,  ///< no model or no backend that could answer
};

using Arguments = std::vector<std::string>;

/// `arguments` without the program's name. Writes everything that is to be said about a failure; throws nothing but
/// WriteError.
Exit run_command(const Arguments& arguments, Streams& streams);

Exit run_analyze(const Arguments& arguments, Streams& streams);
Exit run_inspect(const Arguments& arguments, Streams& streams);
Exit run_quantize(const Arguments& arguments, Streams& streams);
Exit run_tune(const Arguments& arguments, Streams& streams);
Exit run_status(const Arguments& arguments, Streams& streams);
Exit run_doctor(const Arguments& arguments, Streams& streams);

}  // namespace mediscan::cli
