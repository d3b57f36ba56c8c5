#include "quantization/quantized_bundle.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <mediscan/error.hpp>
#include <nlohmann/json.hpp>

#include "base/hash.hpp"
#include "bundle_folder.hpp"
#include "errors.hpp"

namespace mediscan::quantization {
namespace {

using test::error_of;

nlohmann::json manifest_in(const std::filesystem::path& folder) {
  std::ifstream file(folder / "mediscan.json");
  return nlohmann::json::parse(file);
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("the version says that it is the int8 sibling") {
  CHECK(quantized_version("1.2.0") == "1.2.0+int8");
  CHECK(quantized_version("1.2.0+abc") == "1.2.0+abc.int8");
}

TEST_CASE("everything of the manifest stays but what quantising changes") {
  const test::TemporaryBundle source({.card_warning = "made by a test", .allowed_precisions = {"bf16"}});
  const test::TemporaryFolder parent;
  const Bundle bundle = Bundle::read(source.path());
  bundle::UnpublishedFolder folder(parent.path() / "new");
  write_quantized(folder, bundle, bytes_of("the weights"), {"mse", 12, 0.01, {"layer2.0"}});
  auto before = manifest_in(source.path());
  auto after = manifest_in(folder.path());
  CHECK(after["version"] == before["version"].get<std::string>() + "+int8");
  CHECK(after["weights"][0]["file"] == "model.safetensors");
  CHECK(after["weights"][0]["sha256"] == base::sha256_hex(std::string_view("the weights")));
  CHECK(after["precision"]["allowed"] == nlohmann::json::array({"int8"}));
  CHECK(after["precision"]["probability_tolerance"] == 0.01);
  CHECK(after["x-mediscan-quantization"]["source_sha256"] == bundle.weights_sha256());
  CHECK(after["x-mediscan-quantization"]["calibration"] == "mse");
  CHECK(after["x-mediscan-quantization"]["pictures"] == 12);
  CHECK(after["x-mediscan-quantization"]["kept_higher"] == nlohmann::json::array({"layer2.0"}));
  for (const char* changed : {"version", "weights", "precision", "x-mediscan-quantization"}) {
    before.erase(changed);
    after.erase(changed);
  }
  CHECK(after == before);
  CHECK(Bundle::read(folder.path()).name == bundle.name);
  CHECK(std::filesystem::exists(folder.path() / bundle.self_test.input));
}

TEST_CASE("a manifest that changed meanwhile is not quantised") {
  const test::TemporaryBundle source;
  const test::TemporaryFolder parent;
  const Bundle bundle = Bundle::read(source.path());
  test::write_bundle(source.path(), {.name = "another"});
  bundle::UnpublishedFolder folder(parent.path() / "new");
  const Error error = error_of([&] { write_quantized(folder, bundle, {}, {"mse", 1, 0.01, {}}); });
  CHECK(error.code() == ErrorCode::bundle_invalid);
  CHECK(test::contains(error.message(), "changed"));
}

}  // namespace mediscan::quantization
