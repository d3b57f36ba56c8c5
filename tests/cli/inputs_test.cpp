#include "cli/inputs.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "errors.hpp"
#include "temporary_folder.hpp"

namespace mediscan::cli {
using test::contains;
using test::error_of;
using test::TemporaryFolder;
using test::write_file;

namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_below(const Inputs& inputs, const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& input : inputs.items) names.push_back(fs::path(input.name).lexically_relative(folder).string());
  return names;
}

struct Pictures {
  TemporaryFolder folder;
  Pictures() {
    fs::create_directories(path() / "sub" / "deep");
    for (const char* name : {"b.jpg", "a.PNG", "c.jpeg", "notes.txt", ".hidden.jpg", "sub/d.png", "sub/deep/e.JPG"}) {
      write_file(path() / name, "x");
    }
  }
  [[nodiscard]] const fs::path& path() const { return folder.path(); }
  [[nodiscard]] std::string at(const std::string& name) const { return (path() / name).string(); }
};

Inputs expand(const std::vector<std::string>& arguments, bool recursive = false) {
  return expand_inputs(arguments, recursive);
}

}  // namespace

TEST_CASE("a folder stands for the pictures in it, sorted, hidden ones left out") {
  const Pictures pictures;
  const Inputs inputs = expand({pictures.path().string()});
  CHECK(names_below(inputs, pictures.path()) == std::vector<std::string>{"a.PNG", "b.jpg", "c.jpeg"});
  CHECK_FALSE(inputs.single);
}

TEST_CASE("recursion takes subfolders in their place and does not follow links to folders") {
  const Pictures pictures;
  fs::create_directory_symlink(pictures.path(), pictures.path() / "sub" / "loop");
  CHECK(names_below(expand({pictures.path().string()}, true), pictures.path()) ==
        std::vector<std::string>{"a.PNG", "b.jpg", "c.jpeg", "sub/d.png", "sub/deep/e.JPG"});
}

TEST_CASE("globs are expanded, and a match that is a folder stands for its pictures") {
  const Pictures pictures;
  CHECK(names_below(expand({pictures.at("*.jp*g")}), pictures.path()) == std::vector<std::string>{"b.jpg", "c.jpeg"});
  CHECK(names_below(expand({pictures.at("s?b")}), pictures.path()) == std::vector<std::string>{"sub/d.png"});
  CHECK_FALSE(expand({pictures.at("*.jpeg")}).single);
}

TEST_CASE("a file whose name looks like a glob is that file") {
  const Pictures pictures;
  write_file(pictures.path() / "[1].jpg", "x");
  const Inputs inputs = expand({pictures.at("[1].jpg")});
  CHECK(names_below(inputs, pictures.path()) == std::vector<std::string>{"[1].jpg"});
  CHECK(inputs.single);
}

TEST_CASE("a glob without a match is an error in its place") {
  const Pictures pictures;
  const Inputs inputs = expand({pictures.at("b.jpg"), pictures.at("*.tiff"), pictures.at("c.jpeg")});
  REQUIRE(inputs.items.size() == 3);
  CHECK_FALSE(inputs.items[0].error);
  REQUIRE(inputs.items[1].error);
  CHECK(inputs.items[1].error->code() == ErrorCode::not_found);
  CHECK(inputs.items[1].error->message() == pictures.at("*.tiff") + ": nothing matches");
  CHECK_FALSE(inputs.items[2].error);
}

TEST_CASE("a folder without pictures is an error that says how to look deeper") {
  const Pictures pictures;
  fs::create_directory(pictures.path() / "empty");
  const Inputs inputs = expand({pictures.at("empty")});
  REQUIRE(inputs.items.size() == 1);
  REQUIRE(inputs.items[0].error);
  CHECK(inputs.items[0].error->code() == ErrorCode::not_found);
  CHECK(contains(inputs.items[0].error->hint(), "-r"));
  CHECK_FALSE(contains(expand({pictures.at("empty")}, true).items[0].error->hint(), "-r"));
}

TEST_CASE("a folder that may not be read is an error that asks for permission") {
  const Pictures pictures;
  fs::permissions(pictures.path(), fs::perms{0755});
  fs::permissions(pictures.path() / "sub", fs::perms::none);
  const bool root = ::geteuid() == 0;
  constexpr ::uid_t nobody = 65534;
  if (root) REQUIRE(::seteuid(nobody) == 0);  // root may read everything
  const Inputs inputs = expand({pictures.at("sub")});
  if (root) REQUIRE(::seteuid(0) == 0);
  fs::permissions(pictures.path() / "sub", fs::perms::owner_all);
  REQUIRE(inputs.items.size() == 1);
  REQUIRE(inputs.items[0].error);
  CHECK(inputs.items[0].error->code() == ErrorCode::io_error);
  CHECK(inputs.items[0].error->message() == pictures.at("sub") + ": Permission denied");
}

TEST_CASE("a missing file is left to whoever reads it, and its error names it once") {
  const Pictures pictures;
  const Inputs inputs = expand({pictures.at("none.jpg")});
  REQUIRE(inputs.items.size() == 1);
  CHECK(inputs.single);
  const Error error = error_of([&] { static_cast<void>(read_picture(inputs.items[0], {}, 0)); });
  CHECK(error_of([&] { static_cast<void>(read_bytes(inputs.items[0], {}, 0)); }).message() == error.message());
  CHECK(error.message().starts_with(pictures.at("none.jpg") + ": "));
  CHECK(error.message().find("none.jpg") == error.message().rfind("none.jpg"));
}

TEST_CASE("an error speaks of the whole path, whatever the library knew of it") {
  Input input;
  input.name = "in/lesion.jpg";
  input.path = "in/lesion.jpg";
  const auto message = [&](std::string text) {
    return about_input({ErrorCode::corrupt_image, Stage::decode, std::move(text), "h"}, input).message();
  };
  CHECK(message("lesion.jpg: cut") == "in/lesion.jpg: cut");
  CHECK(message("in/lesion.jpg: cut") == "in/lesion.jpg: cut");
  CHECK(message("cut") == "in/lesion.jpg: cut");
}

TEST_CASE("standard input stands for one picture") {
  const Inputs inputs = expand({"-"});
  REQUIRE(inputs.items.size() == 1);
  CHECK(inputs.items[0].standard_input);
  CHECK(inputs.single);
  CHECK(error_of([] { static_cast<void>(expand({"-", "a.jpg", "-"})); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("standard input is read to its end, but never far beyond the limit") {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  const std::string text(5000, 'x');
  REQUIRE(::write(ends[1], text.data(), text.size()) == 5000);
  CHECK(read_standard_input(ends[0], 99).size() == 100);
  ::close(ends[1]);
  CHECK(read_standard_input(ends[0], 1U << 20).size() == 4900);
  ::close(ends[0]);
  CHECK(error_of([&] { static_cast<void>(read_standard_input(ends[0], 99)); }).code() == ErrorCode::io_error);
}

}  // namespace mediscan::cli
