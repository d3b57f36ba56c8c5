// The process around the command: descriptors, signals, locale, and what is said when results cannot be written.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <system_error>

#include "cli/commands.hpp"

namespace {

using mediscan::cli::Exit;

/// A descriptor that the caller closed would be given to the next file opened, and results would be written into it.
/// Held by /dev/null opened the wrong way round, its use fails as it should.
void hold_closed_descriptors() {
  for (const int descriptor : {0, 1, 2}) {
    if (::fcntl(descriptor, F_GETFD) != -1 || errno != EBADF) continue;
    static_cast<void>(
        ::open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY));  // takes the lowest free number: this one
  }
}

std::string describe(const mediscan::cli::WriteError& error) {
  const int code = error.system_error();
  std::string text =
      fmt::format("mediscan: cannot write to standard output: {}\n", std::generic_category().message(code));
  if (code == ENOSPC || code == EDQUOT)
    text += "  hint: make room on the disk and run again; what was written is incomplete\n";
  if (code == EPIPE) text += "  hint: the program that reads the results ended before all were written\n";
  if (code == EBADF) text += "  hint: standard output is closed; send the results to a terminal, a file or a pipe\n";
  return text;
}

Exit run(const mediscan::cli::Arguments& arguments, mediscan::cli::Streams& streams) {
  try {
    const Exit code = mediscan::cli::run_command(arguments, streams);
    streams.out.close();
    return code;
  } catch (const mediscan::cli::WriteError& error) {
    streams.err.try_write(describe(error));
  } catch (const std::exception& error) {
    streams.err.try_write(fmt::format("mediscan: internal error: {}\n  hint: please report this\n", error.what()));
  }
  return Exit::some_failed;
}

}  // namespace

int main(int count, char** values) {
  hold_closed_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // writing then fails with EPIPE, which is reported like any other failure
  const bool unicode = mediscan::cli::set_up_locale();
  mediscan::cli::Streams streams{mediscan::cli::Output(STDOUT_FILENO, mediscan::cli::style_of(STDOUT_FILENO, unicode)),
                                 mediscan::cli::Output(STDERR_FILENO, mediscan::cli::style_of(STDERR_FILENO, unicode)),
                                 STDIN_FILENO};
  const mediscan::cli::Arguments arguments(values + (count > 0 ? 1 : 0), values + count);
  return static_cast<int>(run(arguments, streams));
}
