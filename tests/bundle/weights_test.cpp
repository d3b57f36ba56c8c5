// Weights on disk: mapped, hashed, compared.
#include "bundle/weights.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "errors.hpp"
#include "temporary_folder.hpp"

using mediscan::Bundle;
using mediscan::ErrorCode;
using mediscan::bundle::LoadedWeights;
using mediscan::test::contains;
using mediscan::test::error_of;
using mediscan::test::TemporaryFolder;
using mediscan::test::write_file;

namespace {

// NIST's digests of "abc" and of nothing, as in tests/base/hash_test.cpp.
constexpr const char* hash_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* hash_of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Bundle bundle_of(const TemporaryFolder& folder, std::vector<mediscan::WeightsFile> weights) {
  Bundle bundle;
  bundle.directory = folder.path();
  bundle.weights = std::move(weights);
  return bundle;
}

}  // namespace

TEST_CASE(
    "weights are given as the bytes that were hashed, in the order of the manifest, for as long as they are kept") {
  const TemporaryFolder folder;
  write_file(folder.path() / "a", "abc");
  write_file(folder.path() / "b", "");
  auto read = LoadedWeights::read(
      bundle_of(folder, {{"a", "safetensors", hash_of_abc}, {"b", "safetensors", hash_of_nothing}}));
  const LoadedWeights loaded = std::move(read);  // views must survive the move
  REQUIRE(loaded.views().size() == 2);
  CHECK(loaded.views()[0].file == "a");
  CHECK(loaded.views()[0].format == "safetensors");
  CHECK(loaded.views()[0].sha256 == hash_of_abc);
  REQUIRE(loaded.views()[0].bytes.size() == 3);
  CHECK(loaded.views()[0].bytes[2] == std::byte{'c'});
  CHECK(loaded.views()[1].bytes.empty());
}

TEST_CASE("a wrong hash names the file, what was found and what was stated") {
  const TemporaryFolder folder;
  write_file(folder.path() / "a", "abc");
  const Bundle bundle = bundle_of(folder, {{"a", "safetensors", hash_of_nothing}});
  const auto error = error_of([&] { LoadedWeights::read(bundle); });
  CHECK(error.code() == ErrorCode::hash_mismatch);
  CHECK(error.stage() == mediscan::Stage::bundle);
  CHECK(error.message() == (folder.path() / "a").string() + ": SHA-256 is " + hash_of_abc + ", expected " +
                               hash_of_nothing + " as mediscan.json states");
  CHECK(contains(error.hint(), "copy or download them again"));
  CHECK(error_of([&] { verify_weights(bundle); }).code() == ErrorCode::hash_mismatch);
}

TEST_CASE("weights that are missing, outside the folder, a folder or a pipe are refused") {
  const TemporaryFolder folder;
  const auto code_for = [&](const char* file) {
    return error_of([&] { LoadedWeights::read(bundle_of(folder, {{file, "safetensors", hash_of_abc}})); }).code();
  };
  std::filesystem::create_directory(folder.path() / "sub");
  REQUIRE(::mkfifo((folder.path() / "pipe").c_str(), 0600) == 0);
  std::filesystem::create_symlink("/etc/passwd", folder.path() / "link");
  CHECK(code_for("missing") == ErrorCode::not_found);
  CHECK(code_for("../missing") == ErrorCode::bundle_invalid);
  CHECK(code_for("/etc/passwd") == ErrorCode::bundle_invalid);
  CHECK(code_for("link") == ErrorCode::bundle_invalid);
  CHECK(code_for("sub") == ErrorCode::io_error);
  CHECK(code_for("pipe") == ErrorCode::io_error);  // and it is not waited for
}

TEST_CASE("verify_weights is content with true hashes") {
  const TemporaryFolder folder;
  write_file(folder.path() / "a", "abc");
  CHECK_NOTHROW(verify_weights(bundle_of(folder, {{"a", "safetensors", hash_of_abc}})));
}
