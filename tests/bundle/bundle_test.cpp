// From a folder to a Bundle, and what it answers about itself.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <mediscan/bundle.hpp>

#include "base/hash.hpp"
#include "manifest_example.hpp"
#include "temporary_folder.hpp"

using namespace mediscan;
using namespace mediscan::test;

TEST_CASE("a folder with mediscan.json is a bundle") {
  const TemporaryFolder folder;
  const std::string text = skin_manifest().dump(2);
  write_file(folder.path() / "mediscan.json", text);
  const Bundle bundle = Bundle::read(folder.path());
  CHECK(bundle.directory == folder.path());
  CHECK(bundle.name == "skin-tiny");
  CHECK(bundle.manifest_sha256 == base::sha256_hex(text));
}

TEST_CASE("what is not there is NOT_FOUND and says what a bundle is") {
  const TemporaryFolder folder;
  write_file(folder.path() / "file", "x");
  const auto expect = [](const std::filesystem::path& directory, const std::string& message) {
    const auto error = error_of([&] { Bundle::read(directory); });
    CHECK(error.code() == ErrorCode::not_found);
    CHECK(error.stage() == Stage::bundle);
    CHECK(error.message() == message);
    CHECK(error.hint() == "a bundle is a folder that holds mediscan.json");
  };
  expect(folder.path() / "missing", (folder.path() / "missing").string() + ": no such folder");
  expect(folder.path() / "file", (folder.path() / "file").string() + ": not a folder");
  expect(folder.path(), (folder.path() / "mediscan.json").string() + ": no such file");
}

TEST_CASE("a mediscan.json that is a folder or a pipe is an IO error, and no one waits for the pipe") {
  const TemporaryFolder folder;
  const auto manifest = folder.path() / "mediscan.json";
  const auto expect = [&] {
    const auto error = error_of([&] { Bundle::read(folder.path()); });
    CHECK(error.code() == ErrorCode::io_error);
    CHECK(error.message() == manifest.string() + ": not a regular file");
  };
  std::filesystem::create_directory(manifest);
  expect();
  std::filesystem::remove(manifest);
  REQUIRE(::mkfifo(manifest.c_str(), 0600) == 0);
  expect();
}

TEST_CASE("a mediscan.json without read permission is an IO error") {
  if (::geteuid() == 0) {
    std::puts("MEDISCAN_SKIP: running as root");
    return;
  }
  const TemporaryFolder folder;
  write_file(folder.path() / "mediscan.json", "{}");
  std::filesystem::permissions(folder.path() / "mediscan.json", std::filesystem::perms::none);
  const auto error = error_of([&] { Bundle::read(folder.path()); });
  CHECK(error.code() == ErrorCode::io_error);
  CHECK(contains(error.message(), "Permission denied"));
}

TEST_CASE("a mediscan.json over 1 MiB is refused before it is read") {
  const TemporaryFolder folder;
  write_file(folder.path() / "mediscan.json", "{}");
  std::filesystem::resize_file(folder.path() / "mediscan.json", 1ULL << 40U);  // sparse: a terabyte that takes no space
  const auto error = error_of([&] { Bundle::read(folder.path()); });
  CHECK(error.code() == ErrorCode::bundle_invalid);
  CHECK(error.message() == (folder.path() / "mediscan.json").string() +
                               ": the file is larger than 1048576 bytes, expected a mediscan.json of at most 1 MiB");
}

TEST_CASE("weights are named by their hash, several by the hash of their hashes") {
  Bundle bundle;
  const std::string first(64, 'a');
  const std::string second(64, 'b');
  bundle.weights = {{"a", "safetensors", first}};
  CHECK(bundle.weights_sha256() == first);
  bundle.weights.push_back({"b", "safetensors", second});
  // Python's hashlib.sha256(b"a" * 64 + b"b" * 64).hexdigest()
  CHECK(bundle.weights_sha256() == "fa0dafbf43f1f551e536353e9d1a942a8e86e41a0b58dfeaf264ef217f6b862a");
}

TEST_CASE("the input size is the recipe's, and a recipe without one is an error") {
  Bundle bundle = parse(skin_manifest());
  CHECK(bundle.input_size() == std::pair<std::uint32_t, std::uint32_t>{224, 224});
  bundle.input.crop.reset();
  const auto error = error_of([&] { (void)bundle.input_size(); });
  CHECK(error.code() == ErrorCode::bundle_invalid);
  CHECK(error.message() == "skin-tiny: the recipe does not fix the size of the tensor");
}

TEST_CASE("enumerations have the names of mediscan.json") {
  CHECK(name_of(Domain::radiology) == "radiology");
  CHECK(name_of(Task::multilabel) == "multilabel");
  CHECK(name_of(Activation::sigmoid_operating_point) == "sigmoid_operating_point");
  CHECK(name_of(static_cast<Domain>(99)) == "unknown");
}
