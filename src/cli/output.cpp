#include "cli/output.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace mediscan::cli {
namespace {

/// 0, or the errno that stopped the writing.
int write_all(int descriptor, std::string_view text) noexcept {
  while (!text.empty()) {
    const ::ssize_t wrote = ::write(descriptor, text.data(), text.size());
    if (wrote >= 0) {
      text.remove_prefix(static_cast<std::size_t>(wrote));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return errno;
    struct pollfd wait {
      descriptor, POLLOUT, 0
    };  // whoever gave us this pipe made it non-blocking
    ::poll(&wait, 1, -1);
  }
  return 0;
}

}  // namespace

Output::Output(int descriptor, Style style)
    : descriptor_(descriptor), style_(style), is_terminal_(::isatty(descriptor) == 1) {}

void Output::write(std::string_view text) {
  if (const int error = write_all(descriptor_, text); error != 0) throw WriteError(error);
}

void Output::try_write(std::string_view text) noexcept { static_cast<void>(write_all(descriptor_, text)); }

void Output::close() {
  if (::close(descriptor_) != 0 && errno != EINTR) throw WriteError(errno);
}

}  // namespace mediscan::cli
