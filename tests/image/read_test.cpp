#include <doctest/doctest.h>

#include "errors.hpp"
#include "pictures.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

using namespace mediscan;
using namespace mediscan::test;

TEST_CASE("a file is read, and the record has its name without the folder and its SHA-256") {
  const auto image = Image::read(path_of("rgb_444.jpg"));
  CHECK(image.info().name == "rgb_444.jpg");
  CHECK(image.info().sha256 == Image::decode(picture("rgb_444.jpg").bytes).info().sha256);
  CHECK(image.width() == 67);
}

TEST_CASE("errors begin with the file's name") {
  const auto text = error_of([] { Image::read(path_of("bad/text.jpg")); });
  CHECK(text.code() == ErrorCode::unsupported_format);
  CHECK(text.message() == "text.jpg: this is a text file, not a JPEG or PNG");
  const auto empty = error_of([] { Image::read(path_of("bad/empty.jpg")); });
  CHECK(empty.code() == ErrorCode::empty_input);
  CHECK(contains(empty.message(), "empty.jpg: "));
}

TEST_CASE("a missing file, a folder and a file over the limit say what is wrong") {
  const auto missing = error_of([] { Image::read(path_of("no_such.jpg")); });
  CHECK(missing.code() == ErrorCode::io_error);
  CHECK(contains(missing.message(), "no_such.jpg"));
  const auto folder = error_of([] { Image::read(path_of("bad")); });
  CHECK(folder.code() == ErrorCode::io_error);
  CHECK(contains(folder.message(), "directory"));
  DecodeOptions options;
  options.limits.max_file_bytes = 100;
  const auto large = error_of([&] { Image::read(path_of("rgb_444.jpg"), options); });
  CHECK(large.code() == ErrorCode::limit_exceeded);
  CHECK(contains(large.message(), "max_file_bytes"));
}

TEST_CASE("a file without read permission is an I/O error") {
  if (::geteuid() == 0) {
    std::puts("MEDISCAN_SKIP: root reads every file");
    return;
  }
  const auto path = std::filesystem::temp_directory_path() / ("mediscan_unreadable_" + std::to_string(::getpid()));
  std::ofstream(path) << "x";
  REQUIRE(::chmod(path.c_str(), 0) == 0);
  const auto error = error_of([&] { Image::read(path); });
  std::filesystem::remove(path);
  CHECK(error.code() == ErrorCode::io_error);
  CHECK(contains(error.message(), "ermission"));
}
