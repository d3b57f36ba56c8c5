#include "bundle/unpublished_folder.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <mediscan/error.hpp>
#include <string>

#include "errors.hpp"
#include "temporary_folder.hpp"

namespace mediscan::bundle {
namespace {

using test::error_of;

bool holds_nothing(const std::filesystem::path& folder) {
  return std::filesystem::directory_iterator(folder) == std::filesystem::directory_iterator();
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("a published folder stands in its place with all its files, and nothing else is there") {
  const test::TemporaryFolder parent;
  for (const char* name : {"new", "ends in a slash/"}) {
    {
      UnpublishedFolder folder(parent.path() / name);
      folder.write("a.txt", bytes_of("one"));
      folder.write("deep/er/b.txt", bytes_of(""));
      CHECK_FALSE(std::filesystem::exists(parent.path() / name));
      folder.publish();
    }
    std::ifstream file(parent.path() / name / "a.txt");
    CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == "one");
    CHECK(std::filesystem::exists(parent.path() / name / "deep/er/b.txt"));
  }
  std::size_t folders = 0;
  for (const auto& entry : std::filesystem::directory_iterator(parent.path()))
    folders += entry.is_directory() ? 1U : 0U;
  CHECK(folders == 2);
}

TEST_CASE("a folder that is not published leaves nothing") {
  const test::TemporaryFolder parent;
  {
    const UnpublishedFolder folder(parent.path() / "new");
    folder.write("a.txt", bytes_of("one"));
    CHECK_FALSE(holds_nothing(parent.path()));
  }
  CHECK(holds_nothing(parent.path()));
}

TEST_CASE("a destination that exists in any form is refused, and left as it is") {
  const test::TemporaryFolder parent;
  std::filesystem::create_directory(parent.path() / "folder");
  test::write_file(parent.path() / "file", "kept");
  std::filesystem::create_symlink("nowhere", parent.path() / "link");
  for (const char* name : {"folder", "file", "link"}) {
    const Error error = error_of([&] { const UnpublishedFolder folder(parent.path() / name); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(test::contains(error.message(), name));
  }
  CHECK(error_of([] { const UnpublishedFolder folder(""); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("a parent that is missing or no folder is IO_ERROR with the remedy") {
  const test::TemporaryFolder parent;
  test::write_file(parent.path() / "file", "");
  for (const char* name : {"missing/new", "file/new"}) {
    const Error error = error_of([&] { const UnpublishedFolder folder(parent.path() / name); });
    CHECK(error.code() == ErrorCode::io_error);
    CHECK(test::contains(error.hint(), "make the folder"));
  }
}

TEST_CASE("a parent that may not be written to is IO_ERROR with the remedy") {
  if (::geteuid() == 0) {
    std::puts("MEDISCAN_SKIP: root may write everywhere");
    return;
  }
  const test::TemporaryFolder parent;
  std::filesystem::permissions(parent.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const Error error = error_of([&] { const UnpublishedFolder folder(parent.path() / "new"); });
  std::filesystem::permissions(parent.path(), std::filesystem::perms::owner_all);
  CHECK(error.code() == ErrorCode::io_error);
  CHECK(test::contains(error.hint(), "may write"));
}

TEST_CASE("a write that the system refuses is IO_ERROR, and nothing is left") {
  const test::TemporaryFolder parent;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1024, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const Error error = error_of([&] {
    const UnpublishedFolder folder(parent.path() / "new");
    folder.write("large", bytes_of(std::string(4096, 'x')));
  });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(error.code() == ErrorCode::io_error);
  CHECK(test::contains(error.message(), "large"));
  CHECK(holds_nothing(parent.path()));
}

}  // namespace mediscan::bundle
