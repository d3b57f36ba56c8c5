#include "cli/progress.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <array>

#include "errors.hpp"
#include "examples.hpp"

namespace mediscan::cli {
using test::contains;

namespace {

/// A terminal of which we hold the far end, so that we see what a person would.
struct Terminal {
  Terminal() {
    REQUIRE(::openpty(&far, &near, nullptr, nullptr, nullptr) == 0);
    REQUIRE(::fcntl(far, F_SETFL, O_NONBLOCK) == 0);
  }
  ~Terminal() {
    ::close(far);
    ::close(near);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  [[nodiscard]] std::string seen() const {
    std::array<char, 4096> buffer{};
    const ::ssize_t got = ::read(far, buffer.data(), buffer.size());
    return {buffer.data(), static_cast<std::size_t>(got > 0 ? got : 0)};
  }
  int far = -1;
  int near = -1;
};

}  // namespace

TEST_CASE("the progress line is one line, and is taken back") {
  const Terminal terminal;
  Output err(terminal.near, {true, true, 40});
  {
    Progress progress(err, true, true);
    progress.show("[1/2] a name that is a good deal longer than the terminal is wide\x1b");
    const std::string line = terminal.seen();
    CHECK(line.starts_with("\r\x1b[K\x1b[2m[1/2] a name"));
    CHECK_FALSE(contains(line, "\n"));
    progress.clear();
    CHECK(terminal.seen() == "\r\x1b[K");
    progress.clear();
    CHECK(terminal.seen().empty());
    progress.show("[2/2] b");
    static_cast<void>(terminal.seen());
  }
  CHECK(terminal.seen() == "\r\x1b[K");
}

TEST_CASE("a note stays, on a line of its own, escaped") {
  const Terminal terminal;
  Output err(terminal.near, {false, true, 80});
  Progress(err, true, true).note("no LibTorch\x1b");
  CHECK(terminal.seen() == "no LibTorch\\x1b\r\n");
}

TEST_CASE("quiet and uncoloured terminals get what they asked for") {
  const Terminal terminal;
  Output coloured(terminal.near, {true, true, 80});
  Progress quiet(coloured, false, false);
  quiet.show("x");
  quiet.note("x");
  CHECK(terminal.seen().empty());
  Output uncoloured(terminal.near, {false, true, 80});
  Progress without_sequences(uncoloured, true, true);
  without_sequences.show("x");
  CHECK(terminal.seen().empty());
}

TEST_CASE("what is no terminal gets neither notes nor progress") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_NONBLOCK) == 0);
  Output err(ends[1], {true, true, 80});
  {
    Progress progress(err, true, true);
    progress.show("x");
    progress.note("x");
  }
  char byte = 0;
  CHECK(::read(ends[0], &byte, 1) == -1);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace mediscan::cli
