// What /proc tells, against a made-up /proc and against this very process.
#include "metrics/process.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "temporary_folder.hpp"

using namespace mediscan;

TEST_CASE("memory, files and threads are read from where the kernel writes them") {
  const test::TemporaryFolder folder;
  const auto& proc = folder.path();
  test::write_file(proc / "statm", "5000 1234 300 10 0 900 0\n");
  test::write_file(proc / "status", "Name:\tThreads:\nUmask:\t0022\nThreads:\t7\nSigQ:\t0/1\n");
  std::filesystem::create_directory(proc / "fd");
  for (const char* number : {"0", "1", "2", "3"}) test::write_file(proc / "fd" / number, "");
  const auto process = metrics::process_metrics(proc);
  CHECK(process.resident_bytes == 1234 * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  CHECK(process.open_files == 3);  // the fourth is the folder being listed
  CHECK(process.threads == 7);
}

TEST_CASE("without /proc the numbers of the process are 0") {
  const auto process = metrics::process_metrics("/nonexistent");
  CHECK(process.resident_bytes == 0);
  CHECK(process.open_files == 0);
  CHECK(process.threads == 0);
}

TEST_CASE("a file and a thread more are counted") {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  const auto wait_for_end = [&] {
    char byte = 0;
    CHECK(::read(pipe[0], &byte, 1) == 0);
  };
  std::thread first(wait_for_end);  // a sanitizer may add one of its own at a program's first thread
  const auto before = metrics::process_metrics();
  std::thread second(wait_for_end);
  const int file = ::dup(pipe[0]);
  const auto during = metrics::process_metrics();
  ::close(file);
  ::close(pipe[1]);
  first.join();
  second.join();
  ::close(pipe[0]);
  CHECK(before.resident_bytes > 0);
  CHECK(during.open_files == before.open_files + 1);
  CHECK(during.threads == before.threads + 1);
}
