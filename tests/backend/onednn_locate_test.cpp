#include "backend/onednn/locate.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "errors.hpp"
#include "forked.hpp"
#include "needs_onednn.hpp"
#include "temporary_folder.hpp"

namespace mediscan::backend::onednn {
namespace {

namespace fs = std::filesystem;
using test::contains;

const fs::path fakes = MEDISCAN_FAKE_LIBDNNL;
const fs::path old_library = fakes / "dnnl-old" / "libdnnl.so.2";
const fs::path partial_library = fakes / "dnnl-partial" / "libdnnl.so.3";
const fs::path tbb_library = fakes / "dnnl-tbb" / "libdnnl.so.3";

/// Output of libdnnl_search in a process of its own; `environment` like "NAME=value ".
std::string search(const std::string& environment, const std::string& arguments = "search") {
  const std::string command =
      "env -u VIRTUAL_ENV -u MEDISCAN_ONEDNN " + environment + MEDISCAN_LIBDNNL_SEARCH " " + arguments + " 2>&1";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  std::string output;
  std::array<char, 4096> buffer{};
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe.get()) != nullptr) output += buffer.data();
  return output;
}

std::string naming(const fs::path& place) { return "MEDISCAN_ONEDNN=" + place.string() + " "; }

/// The oneDNN that tests run on; nothing when there is none.
std::optional<fs::path> real_library() {
  if (!test::has_onednn()) return std::nullopt;
  return find_libdnnl().library;
}

TEST_CASE("onednn: a place is the library itself, its folder, or what holds lib with it") {
  const test::TemporaryFolder folder;
  for (const char* below : {"as-is", "a/lib"}) {
    fs::create_directories(folder.path() / below);
    fs::copy_file(partial_library, folder.path() / below / "libdnnl.so.3");
  }
  const auto found = [&](const char* place) { return inspect_place({"system", folder.path() / place}).library; };
  const fs::path root = fs::canonical(folder.path());
  CHECK(found("as-is/libdnnl.so.3") == root / "as-is/libdnnl.so.3");
  CHECK(found("as-is") == root / "as-is/libdnnl.so.3");
  CHECK(found("a") == root / "a/lib/libdnnl.so.3");
}

TEST_CASE("onednn: what is wrong at a place is said") {
  const test::TemporaryFolder folder;
  const auto detail = [&](const fs::path& place) { return inspect_place({"system", place}).detail; };
  CHECK(detail(folder.path() / "missing") == "does not exist");
  CHECK(detail(folder.path()) == "holds no libdnnl.so.3, nor does its lib");
  CHECK(contains(detail("lib"), "is a relative path"));
  test::write_file(folder.path() / "libdnnl.so.3", "no library at all");
  CHECK(detail(folder.path()) == "libdnnl.so.3 is not an ELF file");
  fs::resize_file(folder.path() / "libdnnl.so.3", 0);
  fs::copy_file(partial_library, folder.path() / "libdnnl.so.3", fs::copy_options::overwrite_existing);
  fs::resize_file(folder.path() / "libdnnl.so.3", fs::file_size(partial_library) / 2);
  CHECK(contains(detail(folder.path()), "libdnnl.so.3 is truncated"));
}

TEST_CASE("onednn: an older oneDNN is named by its version and never loaded, another library by what it lacks") {
  CHECK(unusable_library(fs::canonical(old_library)) == "oneDNN 2.6 is too old, 3.1 or newer of oneDNN 3 is needed");
  CHECK(contains(unusable_library(fs::path(MEDISCAN_FAKE_LIBTORCH) / "partial" / "libtorch_cpu.so").value_or(""),
                 "is no oneDNN"));
}

TEST_CASE("onednn: a named place ends the search, and a relative one is refused") {
  const std::string output = search(naming("lib"));
  CHECK(contains(output, "available 0"));
  CHECK(contains(output, "probe 0 lib (MEDISCAN_ONEDNN): is a relative path"));
  CHECK_FALSE(contains(output, "(system)"));
  CHECK(contains(search(naming("/nowhere")), "reason /nowhere (MEDISCAN_ONEDNN): does not exist"));
}

TEST_CASE("onednn: without a name the places of the system are tried, the active Python environment first") {
  const test::TemporaryFolder folder;
  fs::create_directories(folder.path() / "lib");
  fs::copy_file(partial_library, folder.path() / "lib" / "libdnnl.so.3");
  const std::string output = search("VIRTUAL_ENV=" + folder.path().string() + " ");
  CHECK(contains(output, "/lib (VIRTUAL_ENV): lacks the function dnnl_version"));
}

TEST_CASE("onednn: a library that lacks a function of oneDNN's is refused with its name") {
  const std::string output = search(naming(partial_library));
  CHECK(contains(output, "available 0"));
  CHECK(contains(output, "lacks the function dnnl_version"));
  CHECK(contains(output, "hint install one with"));
}

TEST_CASE("onednn: a oneDNN on other threads than OpenMP's is refused by their name, also when it is asked again") {
  const std::string output = search(naming(tbb_library), "search search");
  CHECK(contains(output, "runs on TBB; a oneDNN built for OpenMP is needed"));
  CHECK(contains(output, "hint load no other oneDNN into this process"));  // it stays mapped
  CHECK_FALSE(contains(output, "available 1"));
}

TEST_CASE("onednn: which versions and threads can be used") {
  const auto fault = [](int major, int minor, unsigned runtime) {
    return unusable_version({major, minor, 0, "", runtime, 0}).value_or("");
  };
  CHECK(fault(3, 1, 1).empty());
  CHECK(fault(3, 13, 2).empty());
  CHECK(contains(fault(3, 0, 2), "is oneDNN 3.0, 3.1 or newer"));
  CHECK(contains(fault(2, 9, 2), "is oneDNN 2.9"));
  CHECK(contains(fault(4, 1, 2), "is oneDNN 4.1"));
  CHECK(contains(fault(3, 2, 4), "TBB"));
  CHECK(contains(fault(3, 2, 8), "thread pool"));
  CHECK(contains(fault(3, 2, 512), "SYCL"));
  CHECK(contains(fault(3, 2, 0), "unknown kind"));
}

TEST_CASE("onednn: an older oneDNN that the process holds already is reported, and no second one joins it") {
  const std::string output = search(naming("/nowhere"), "--load " + fs::canonical(old_library).string() + " search");
  CHECK(contains(output, "available 0"));
  CHECK(contains(output, "oneDNN 2.6 is too old"));
}

TEST_CASE("onednn: a copy that the host has mapped is used, and one that opened stays the one") {
  const auto real = real_library();
  if (!real) return;
  const std::string mapped = search(naming("/nowhere"), "--load " + real->string() + " search");
  CHECK(contains(mapped, "available 1"));
  CHECK(contains(mapped, "already in this process"));
  const std::string twice = search(naming(*real), "search search");
  const auto second = twice.find("available 1", twice.find("available 1") + 1);
  REQUIRE(second != std::string::npos);
  CHECK(contains(twice.substr(second), "already in this process"));
}

TEST_CASE("onednn: in a child made by fork() after it was opened it is not used, and the remedy is told") {
  if (!test::has_onednn()) return;
  CHECK(test::exit_code_of_child([] {
          const RuntimeReport report = find_libdnnl();
          if (report.available) return 1;
          if (!contains(report.reason, "made by fork() after oneDNN had been opened")) return 2;
          return contains(report.hint, "spawn") ? 0 : 3;
        }) == 0);
}

}  // namespace
}  // namespace mediscan::backend::onednn
