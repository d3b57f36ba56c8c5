// Notes and a progress line on standard error, for someone who watches: silent unless it is a terminal.
#pragma once

#include <string_view>

#include "cli/output.hpp"

namespace mediscan::cli {

class Progress {
 public:
  /// `notes`: remarks that stay; `line`: the one line that is overwritten. Both only on a terminal.
  Progress(Output& err, bool notes, bool line);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Replaces the progress line.
  void show(std::string_view text);

  /// Takes the progress line away; to be called before anything else is written to the terminal.
  void clear();

  /// A remark of its own line.
  void note(std::string_view text);

 private:
  Output& err_;
  bool notes_;
  bool line_;
  bool shown_ = false;
};

}  // namespace mediscan::cli
