#include "base/home_process.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace mediscan::base {

HomeProcess::HomeProcess() noexcept : pid_(::getpid()) {}

bool HomeProcess::is_here() const noexcept { return ::getpid() == pid_; }

void HomeProcess::require(Stage stage, std::string_view what) const {
  const pid_t now = ::getpid();
  if (now == pid_) return;
  throw Error(
      ErrorCode::forked, stage,
      fmt::format("{} was made in process {}, and its threads did not come along into process {}, made by fork()", what,
                  pid_, now),
      "load models after fork(), in the process that uses them; in Python start workers with \"spawn\"");
}

}  // namespace mediscan::base
