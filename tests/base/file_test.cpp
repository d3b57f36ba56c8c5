// Reading and mapping files, and every way in which that fails.
#include "base/file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include "errors.hpp"
#include "temporary_folder.hpp"

using mediscan::ErrorCode;
using mediscan::Stage;
using mediscan::base::MappedFile;
using mediscan::base::read_file;
using mediscan::test::contains;
using mediscan::test::error_of;
using mediscan::test::TemporaryFolder;
using mediscan::test::write_file;

namespace {

std::string text_of(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text.push_back(static_cast<char>(byte));
  return text;
}

std::string read_text(const std::filesystem::path& path, std::uint64_t limit = 1000) {
  return text_of(read_file(path, limit, "Limits::max_file_bytes", Stage::decode));
}

}  // namespace

TEST_CASE("a file is read whole, up to and including the limit") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "picture";
  write_file(path, std::string_view("ab\0cd", 5));
  CHECK(read_text(path) == std::string("ab\0cd", 5));
  CHECK(read_text(path, 5) == std::string("ab\0cd", 5));
  write_file(path, "");
  CHECK(read_text(path, 0).empty());
}

TEST_CASE("a file over the limit is refused by the option's name") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "picture";
  write_file(path, "abcdef");
  const auto error = error_of([&] { read_text(path, 5); });
  CHECK(error.code() == ErrorCode::limit_exceeded);
  CHECK(error.stage() == Stage::decode);
  CHECK(error.message() == path.string() + ": file is larger than 5 bytes, the limit Limits::max_file_bytes");
  CHECK(contains(error.hint(), "raise Limits::max_file_bytes"));
}

TEST_CASE("a file whose size the system does not know in advance is read to its end") {
  CHECK(contains(read_text("/proc/self/status", 1'000'000), "VmRSS"));  // stat says 0 bytes
}

TEST_CASE("a missing file, a folder and a file used as a folder are IO errors that say so") {
  const TemporaryFolder folder;
  write_file(folder.path() / "file", "x");
  const auto missing = error_of([&] { read_text(folder.path() / "missing"); });
  CHECK(missing.code() == ErrorCode::io_error);
  CHECK(missing.message() == (folder.path() / "missing").string() + ": No such file or directory");
  CHECK(contains(missing.hint(), "check the path"));

  const auto is_folder = error_of([&] { read_text(folder.path()); });
  CHECK(is_folder.code() == ErrorCode::io_error);
  CHECK(is_folder.message() == folder.path().string() + ": Is a directory");
  CHECK(contains(is_folder.hint(), "name a file"));

  const auto inside_file = error_of([&] { read_text(folder.path() / "file" / "x"); });
  CHECK(inside_file.code() == ErrorCode::io_error);
  CHECK(contains(inside_file.message(), "Not a directory"));
}

TEST_CASE("a file without read permission is an IO error with the remedy") {
  if (::geteuid() == 0) {
    std::puts("MEDISCAN_SKIP: running as root");
    return;
  }
  const TemporaryFolder folder;
  const auto path = folder.path() / "secret";
  write_file(path, "x");
  std::filesystem::permissions(path, std::filesystem::perms::none);
  const auto error = error_of([&] { read_text(path); });
  CHECK(error.code() == ErrorCode::io_error);
  CHECK(contains(error.message(), "Permission denied"));
  CHECK(contains(error.hint(), "read permission"));
}

TEST_CASE("a pipe is read until its writer closes it, within the limit") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const std::string content(200'000, 'x');  // more than a pipe's buffer and more than one read
  SUBCASE("all of it") {
    std::thread writer([&] { write_file(path, content); });
    const std::string got = read_text(path, content.size());
    writer.join();
    CHECK(got == content);
  }
  SUBCASE("too much") {
    std::thread writer([&] {
      std::ofstream file(path, std::ios::binary);
      file << "abcdef";
    });
    const auto error = error_of([&] { read_text(path, 5); });
    writer.join();
    CHECK(error.code() == ErrorCode::limit_exceeded);
  }
}

TEST_CASE("a mapping shows a file's bytes and survives being moved") {
  const TemporaryFolder folder;
  write_file(folder.path() / "weights", "abc");
  write_file(folder.path() / "empty", "");
  MappedFile file(folder.path() / "weights", Stage::bundle);
  CHECK(text_of(file.bytes()) == "abc");
  MappedFile moved(std::move(file));
  CHECK(text_of(moved.bytes()) == "abc");
  MappedFile empty(folder.path() / "empty", Stage::bundle);
  CHECK(empty.bytes().empty());
  empty = std::move(moved);
  CHECK(text_of(empty.bytes()) == "abc");
}

TEST_CASE("only regular files are mapped, and a pipe is not waited for") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const auto pipe = error_of([&] { const MappedFile file(path, Stage::bundle); });
  CHECK(pipe.code() == ErrorCode::io_error);
  CHECK(pipe.stage() == Stage::bundle);
  CHECK(pipe.message() == path.string() + ": not a regular file");
  const auto is_folder = error_of([&] { const MappedFile file(folder.path(), Stage::bundle); });
  CHECK(contains(is_folder.message(), "Is a directory"));
  const auto missing = error_of([&] { const MappedFile file(folder.path() / "missing", Stage::bundle); });
  CHECK(missing.code() == ErrorCode::io_error);
  CHECK(contains(missing.message(), "No such file"));
}
