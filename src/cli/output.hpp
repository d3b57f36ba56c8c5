// Standard output and standard error as descriptors whose failures are noticed. Results that could not be written are
// an error of the run, never lost in silence.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "cli/terminal.hpp"

namespace mediscan::cli {

/// Writing failed; `system_error()` is the errno.
class WriteError : public std::exception {
 public:
  explicit WriteError(int system_error) : system_error_(system_error) {}
  [[nodiscard]] int system_error() const noexcept { return system_error_; }
  [[nodiscard]] const char* what() const noexcept override { return "writing failed"; }

 private:
  int system_error_;
};

/// A descriptor to write to, unbuffered: what is written is out. Does not own the descriptor.
class Output {
 public:
  Output(int descriptor, Style style);

  /// Writes all of the text. Throws WriteError.
  void write(std::string_view text);

  /// Writes what it can; for messages about failures, which must not fail themselves.
  void try_write(std::string_view text) noexcept;

  /// Closes the descriptor; some file systems report a full disk only now. Throws WriteError.
  void close();

  [[nodiscard]] const Style& style() const noexcept { return style_; }
  [[nodiscard]] bool is_terminal() const noexcept { return is_terminal_; }

 private:
  int descriptor_;
  Style style_;
  bool is_terminal_;
};

/// Where a command reads and writes.
struct Streams {
  Output out;
  Output err;
  int in = 0;
};

}  // namespace mediscan::cli
