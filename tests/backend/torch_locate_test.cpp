#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "backend/torch/locate.hpp"
#include "errors.hpp"
#include "libtorch_place.hpp"
#include "temporary_folder.hpp"

namespace mediscan::backend::torch {
namespace {

namespace fs = std::filesystem;
using test::contains;

const fs::path old_library = fs::path(MEDISCAN_FAKE_LIBTORCH) / "old" / "libtorch_cpu.so";
const fs::path partial_library = fs::path(MEDISCAN_FAKE_LIBTORCH) / "partial" / "libtorch_cpu.so";

/// Output of libtorch_search in a process of its own; `environment` like "NAME=value ".
std::string search(const std::string& arguments, const std::string& environment = "MEDISCAN_LIBTORCH= ") {
  const std::string command = "env -u VIRTUAL_ENV " + environment + MEDISCAN_LIBTORCH_SEARCH " " + arguments + " 2>&1";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  std::string output;
  std::array<char, 4096> buffer{};
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe.get()) != nullptr) output += buffer.data();
  return output;
}

/// The libtorch_cpu.so that tests run on; nothing when there is none.
std::optional<fs::path> real_library() {
  const char* set = std::getenv("MEDISCAN_LIBTORCH");
  const fs::path place = set != nullptr && *set != '\0' ? fs::path(set) : test::libtorch_place();
  if (place.empty()) return std::nullopt;
  return inspect_place({"option", place}).library;
}

TEST_CASE("a place is the library itself, its folder, or what holds lib or torch/lib with it") {
  const test::TemporaryFolder folder;
  for (const char* below : {"as-is", "a/lib", "b/torch/lib"}) {
    fs::create_directories(folder.path() / below);
    fs::copy_file(partial_library, folder.path() / below / "libtorch_cpu.so");
  }
  const auto found = [&](const char* place) { return inspect_place({"option", folder.path() / place}).library; };
  const fs::path root = fs::canonical(folder.path());
  CHECK(found("as-is/libtorch_cpu.so") == root / "as-is/libtorch_cpu.so");
  CHECK(found("as-is") == root / "as-is/libtorch_cpu.so");
  CHECK(found("a") == root / "a/lib/libtorch_cpu.so");
  CHECK(found("b") == root / "b/torch/lib/libtorch_cpu.so");
}

TEST_CASE("what is wrong at a place is said") {
  const test::TemporaryFolder folder;
  const auto detail = [&](const fs::path& place) { return inspect_place({"option", place}).detail; };
  CHECK(detail(folder.path() / "missing") == "does not exist");
  CHECK(contains(detail(folder.path()), "holds no libtorch_cpu.so"));
  test::write_file(folder.path() / "libtorch_cpu.so", "no library at all");
  CHECK(detail(folder.path()) == "libtorch_cpu.so is not an ELF file");
}

TEST_CASE("an older LibTorch is named by its version and never loaded") {
  CHECK(unusable_library(fs::canonical(old_library)) ==
        "LibTorch 1.13 is too old, 2.11 or newer is needed");  // by its SONAME
  const test::TemporaryFolder folder;
  fs::create_directories(folder.path() / "torch" / "lib");
  const fs::path library = folder.path() / "torch" / "lib" / "libtorch_cpu.so";
  fs::copy_file(fs::canonical(old_library), library);
  test::write_file(folder.path() / "torch" / "version.py", "from typing import Optional\n__version__ = '2.10.0+cpu'\n");
  CHECK(unusable_library(library) == "LibTorch 2.10 is too old, 2.11 or newer is needed");
}

TEST_CASE("a truncated libc10.so beside a whole library is noticed before the loader would die of it") {
  const test::TemporaryFolder folder;
  fs::copy_file(partial_library, folder.path() / "libtorch_cpu.so");
  fs::copy_file(partial_library, folder.path() / "libc10.so");
  fs::resize_file(folder.path() / "libc10.so", fs::file_size(partial_library) / 2);
  CHECK(contains(unusable_library(folder.path() / "libtorch_cpu.so").value_or(""), "libc10.so is truncated"));
}

TEST_CASE("a named place ends the search, and a relative one from the environment is refused") {
  CHECK(search_places("somewhere").size() == 1);
  CHECK(contains(inspect_place({"MEDISCAN_LIBTORCH", "lib"}).detail, "relative"));
  const std::string output = search("''", "MEDISCAN_LIBTORCH=lib ");
  CHECK(contains(output, "available 0"));
  CHECK(contains(output, "probe 0 lib (MEDISCAN_LIBTORCH): is a relative path"));
  CHECK(contains(search("''", "MEDISCAN_LIBTORCH=/nowhere "), "reason /nowhere (MEDISCAN_LIBTORCH): does not exist"));
}

TEST_CASE("without a name the places of the system are tried, never the working directory") {
  for (const Place& place : search_places({})) CHECK_MESSAGE(place.path.is_absolute(), place.path);
  const test::TemporaryFolder folder;
  fs::create_directories(folder.path() / "lib" / "python3.11" / "site-packages" / "torch" / "lib");
  const std::string output = search("''", "MEDISCAN_LIBTORCH= VIRTUAL_ENV=" + folder.path().string() + " ");
  CHECK(contains(output, "site-packages/torch/lib (VIRTUAL_ENV): holds no libtorch_cpu.so"));
  CHECK(contains(output, "/usr/local/lib (system)"));
}

TEST_CASE("a library that lacks a function of LibTorch's is refused with its name") {
  const std::string output = search(partial_library.string());
  CHECK(contains(output, "available 0"));
  CHECK(contains(output, "lacks the function aoti_torch_abi_version"));
  CHECK(contains(output, "hint install one with"));
}

TEST_CASE("an older LibTorch that the process holds already is reported, and no second one joins it") {
  const auto real = real_library();
  const std::string output = search("--load " + old_library.string() + " " + (real ? real->string() : "/nowhere"));
  CHECK(contains(output, "available 0"));
  CHECK(contains(output, "LibTorch 1.13 is too old"));
  CHECK(contains(output, "mapped 0"));
}

TEST_CASE("a LibTorch that opened stays the one, whatever is named later") {
  const auto real = real_library();
  if (!real) {
    std::puts("MEDISCAN_SKIP: no LibTorch (set MEDISCAN_LIBTORCH or run `make setup`)");
    return;
  }
  const std::string output = search("/nowhere " + real->string() + " " + old_library.string());
  const auto second = output.find("available 1");
  REQUIRE(second != std::string::npos);
  CHECK(contains(output.substr(0, second),
                 "/nowhere (option): does not exist"));  // a failure does not end it for another place
  const auto third = output.find("available 1", second + 1);
  REQUIRE(third != std::string::npos);
  CHECK(contains(output.substr(third), "not looked into: this process has " + real->string()));
}

TEST_CASE("a copy that the host has mapped is used, by whatever place is asked for") {
  const auto real = real_library();
  if (!real) {
    std::puts("MEDISCAN_SKIP: no LibTorch (set MEDISCAN_LIBTORCH or run `make setup`)");
    return;
  }
  const std::string output = search("--load " + real->string() + " /nowhere");
  CHECK(contains(output, "available 1"));
  CHECK(contains(output, "already in this process"));
  CHECK(contains(output, "probe 0 /nowhere"));
}

}  // namespace
}  // namespace mediscan::backend::torch
