// Files that a bundle names stay inside its folder.
#include "bundle/inside.hpp"

#include <doctest/doctest.h>

#include "errors.hpp"
#include "temporary_folder.hpp"

using mediscan::ErrorCode;
using mediscan::bundle::file_inside;
using mediscan::bundle::names_a_file_inside;
using mediscan::test::contains;
using mediscan::test::error_of;
using mediscan::test::TemporaryFolder;
using mediscan::test::write_file;

TEST_CASE("names of files inside are relative, go down only, and end in a name") {
  for (const char* file : {"a", "a/b.bin", "./a", "..a", "a..b/...", ".hidden"})
    CHECK_MESSAGE(names_a_file_inside(file), file);
  for (const char* file : {"", ".", "..", "/a", "../a", "a/..", "a/../b", "a/", "a/.", "a\\b", "..\\a", "C:\\a"}) {
    CHECK_MESSAGE(!names_a_file_inside(file), file);
  }
  CHECK_FALSE(names_a_file_inside(std::string_view("a\0b", 3)));
}

TEST_CASE("a file in the folder or below is found, also through links that stay inside") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "sub");
  write_file(folder.path() / "sub" / "model", "abc");
  std::filesystem::create_symlink("sub/model", folder.path() / "link");
  const auto expected = std::filesystem::canonical(folder.path() / "sub" / "model");
  CHECK(file_inside(folder.path(), "sub/model") == expected);
  CHECK(file_inside(folder.path(), "link") == expected);
}

TEST_CASE("a folder that is itself reached through a link is fine") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "bundle");
  write_file(folder.path() / "bundle" / "model", "abc");
  std::filesystem::create_directory_symlink("bundle", folder.path() / "current");
  CHECK_NOTHROW(file_inside(folder.path() / "current", "model"));
}

TEST_CASE("links that leave the folder are refused, of files and of folders on the way") {
  const TemporaryFolder folder;
  const auto bundle = folder.path() / "bundle";
  std::filesystem::create_directory(bundle);
  std::filesystem::create_directory(folder.path() / "bundle-evil");  // begins like the bundle's own path
  write_file(folder.path() / "bundle-evil" / "model", "abc");
  std::filesystem::create_symlink("../bundle-evil/model", bundle / "link");
  std::filesystem::create_directory_symlink("../bundle-evil", bundle / "sub");
  std::filesystem::create_directory_symlink(".", bundle / "here");
  for (const char* file : {"link", "sub/model", "here/sub/model"}) {
    const auto error = error_of([&] { file_inside(bundle, file); });
    CHECK(error.code() == ErrorCode::bundle_invalid);
    CHECK(contains(error.message(), (bundle / file).string() + ": is a link that leaves the bundle folder (to "));
    CHECK(error.hint() == "put the file itself into the bundle folder");
  }
}

TEST_CASE("names that leave the folder are refused without looking at the disk") {
  const auto error = error_of([] { file_inside("/nonexistent", "../model"); });
  CHECK(error.code() == ErrorCode::bundle_invalid);
  CHECK(error.message() == "/nonexistent: \"../model\" does not name a file inside the bundle folder");
}

TEST_CASE("a file that is not there is NOT_FOUND") {
  const TemporaryFolder folder;
  write_file(folder.path() / "file", "abc");
  std::filesystem::create_symlink("nowhere", folder.path() / "dangling");
  for (const char* file : {"missing", "file/below", "dangling"}) {
    const auto error = error_of([&] { file_inside(folder.path(), file); });
    CHECK(error.code() == ErrorCode::not_found);
    CHECK(error.message() == (folder.path() / file).string() + ": no such file, though mediscan.json names it");
    CHECK(contains(error.hint(), "the bundle is incomplete"));
  }
}

TEST_CASE("links in a circle are an IO error") {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("b", folder.path() / "a");
  std::filesystem::create_symlink("a", folder.path() / "b");
  const auto error = error_of([&] { file_inside(folder.path(), "a"); });
  CHECK(error.code() == ErrorCode::io_error);
  CHECK(contains(error.message(), "Too many levels of symbolic links"));
}
