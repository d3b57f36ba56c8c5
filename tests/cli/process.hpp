// Runs the built command as a process of its own and catches what it writes and how it ends.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan::test {

struct Finished {
  int code = -1;  ///< exit code; 128 + the signal's number when one ended it
  std::string out;
  std::string err;
};

struct Setting {
  std::string input = {};                               ///< bytes on standard input
  std::string out_path = {};                            ///< standard output goes to this file instead of being caught
  bool close_out = false;                               ///< the process starts without a standard output
  bool close_reader = false;                            ///< whoever reads standard output is gone from the beginning
  std::map<std::string, std::string> environment = {};  ///< variables to set; the empty value unsets
};

/// Runs the mediscan of this build. MEDISCAN_MODEL, NO_COLOR and the like of the caller do not reach it, and it looks
/// for no profile unless the setting has an own MEDISCAN_PROFILE.
Finished run_mediscan(const std::vector<std::string>& arguments, const Setting& setting = {});

}  // namespace mediscan::test
