#include "base/new_file.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "errors.hpp"
#include "temporary_folder.hpp"

namespace mediscan::base {
namespace {

using test::error_of;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string text_in(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void replace(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  FileReplacement(path).publish(bytes);
}

std::ptrdiff_t entries_in(const std::filesystem::path& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

}  // namespace

TEST_CASE("a file is written, and written over, whole, and nothing else is left") {
  const test::TemporaryFolder folder;
  const auto place = folder.path() / "a.json";
  replace(place, bytes_of("one"));
  CHECK(text_in(place) == "one");
  replace(place, bytes_of("2"));
  CHECK(text_in(place) == "2");
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("whoever reads while others write finds one of the texts, never a part or a mixture") {
  const test::TemporaryFolder folder;
  const auto place = folder.path() / "a.json";
  const std::string one(100'000, '1');
  const std::string two(50'000, '2');
  replace(place, bytes_of(one));
  {
    std::vector<std::jthread> writers;
    for (const std::string* text : {&one, &two}) {
      writers.emplace_back([&, text] {
        for (int i = 0; i < 20; ++i) replace(place, bytes_of(*text));
      });
    }
    for (int i = 0; i < 200; ++i) {
      const std::string found = text_in(place);
      CHECK((found == one || found == two));
    }
  }
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("what cannot be written is an error that says what to do, and changes nothing") {
  const test::TemporaryFolder folder;
  const Error missing = error_of([&] { replace(folder.path() / "no/a.json", bytes_of("x")); });
  CHECK(missing.code() == ErrorCode::io_error);
  CHECK(missing.stage() == Stage::result);
  CHECK(test::contains(missing.hint(), "make the folder"));
  std::filesystem::create_directory(folder.path() / "d");
  const Error is_folder = error_of([&] { replace(folder.path() / "d", bytes_of("x")); });
  CHECK(is_folder.code() == ErrorCode::io_error);
  CHECK(test::contains(is_folder.hint(), "name a file"));
  CHECK(entries_in(folder.path()) == 1);
  CHECK(error_of([&] { const NewFile file(folder.path() / "d"); }).code() == ErrorCode::io_error);
}

TEST_CASE("a file that is not published leaves what was there, and nothing else") {
  const test::TemporaryFolder folder;
  const auto place = folder.path() / "a.json";
  replace(place, bytes_of("old"));
  {
    const FileReplacement begun(place);
    CHECK(entries_in(folder.path()) == 2);
    CHECK(text_in(place) == "old");
  }
  CHECK(text_in(place) == "old");
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("a disk that is full leaves the old text where it was") {
  const test::TemporaryFolder folder;
  const auto place = folder.path() / "a.json";
  replace(place, bytes_of("old"));
  struct rlimit before {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const struct rlimit small { 4096, before.rlim_max };
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files stands for the full disk
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::string much(10'000, 'x');
  const Error error = error_of([&] { replace(place, bytes_of(much)); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(error.code() == ErrorCode::io_error);
  CHECK(text_in(place) == "old");
  CHECK(entries_in(folder.path()) == 1);
}

}  // namespace mediscan::base
