#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace mediscan::test {
namespace {

struct Pipe {
  Pipe() {
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_end(std::size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  std::array<int, 2> ends = {-1, -1};
};

[[noreturn]] void become(const std::vector<std::string>& arguments, const Setting& setting, int in, int out, int err) {
  ::signal(SIGPIPE, SIG_DFL);  // as a shell starts it
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  if (setting.close_out) ::close(1);
  for (const char* name : {"MEDISCAN_MODEL", "MEDISCAN_THREADS", "NO_COLOR", "CLICOLOR_FORCE"}) ::unsetenv(name);
  ::setenv("LC_ALL", "C.UTF-8", 1);
  ::setenv("MEDISCAN_PROFILE", "off", 1);  // what this user has tuned is no matter of the tests
  for (const auto& [name, value] : setting.environment) {
    value.empty() ? ::unsetenv(name.c_str()) : ::setenv(name.c_str(), value.c_str(), 1);
  }
  std::vector<char*> argv = {const_cast<char*>(MEDISCAN_COMMAND)};  // NOLINT: execv takes no const and changes nothing
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));  // NOLINT: as above
  argv.push_back(nullptr);
  ::execv(MEDISCAN_COMMAND, argv.data());
  ::_exit(127);
}

/// Feeds and reads at once, so that neither side waits for the other.
void converse(Pipe& in, std::string_view input, Pipe& out, Pipe& err, Finished& finished) {
  ::signal(SIGPIPE, SIG_IGN);  // a command that does not read its input is no reason for the test to die
  std::array<char, 65536> buffer{};
  const auto drain = [&](Pipe& pipe, std::string& to) {
    const ::ssize_t got = ::read(pipe.ends[0], buffer.data(), buffer.size());
    if (got <= 0) return pipe.close_end(0);
    to.append(buffer.data(), static_cast<std::size_t>(got));
  };
  while (out.ends[0] >= 0 || err.ends[0] >= 0) {
    if (input.empty()) in.close_end(1);
    std::array<struct pollfd, 3> wait = {
        {{in.ends[1], POLLOUT, 0}, {out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}}};
    ::poll(wait.data(), wait.size(), -1);
    if (wait[0].revents != 0) {
      const ::ssize_t wrote = ::write(in.ends[1], input.data(), std::min<std::size_t>(input.size(), 4096));
      input = wrote < 0 ? std::string_view() : input.substr(static_cast<std::size_t>(wrote));
    }
    if (wait[1].revents != 0) drain(out, finished.out);
    if (wait[2].revents != 0) drain(err, finished.err);
  }
}

}  // namespace

Finished run_mediscan(const std::vector<std::string>& arguments, const Setting& setting) {
  Pipe in;
  Pipe out;
  Pipe err;
  int out_target = out.ends[1];
  if (!setting.out_path.empty()) out_target = ::open(setting.out_path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (out_target < 0) throw std::runtime_error("cannot open " + setting.out_path);
  if (setting.close_reader) out.close_end(0);

  const ::pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) become(arguments, setting, in.ends[0], out_target, err.ends[1]);
  in.close_end(0);
  out.close_end(1);
  err.close_end(1);
  if (!setting.out_path.empty()) ::close(out_target);

  Finished finished;
  converse(in, setting.input, out, err, finished);
  int status = 0;
  ::waitpid(child, &status, 0);
  finished.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished;
}

}  // namespace mediscan::test
