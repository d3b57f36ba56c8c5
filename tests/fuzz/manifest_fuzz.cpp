// libFuzzer harness: any bytes as mediscan.json are either a bundle that can be written and read again, or a
// BUNDLE_INVALID whose message is valid UTF-8.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mediscan/error.hpp>
#include <mediscan/system.hpp>
#include <nlohmann/json.hpp>
#include <span>

#include "bundle/manifest.hpp"
#include "bundle/spec_json.hpp"

namespace {

void check_bundle(const mediscan::Bundle& bundle) {
  const auto recipe = nlohmann::json::parse(mediscan::canonical_json(bundle.input));
  if (mediscan::bundle::read_spec(mediscan::bundle::JsonReader(recipe, "recipe")) != bundle.input) std::abort();
  (void)nlohmann::json::parse(mediscan::to_json(bundle));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    check_bundle(mediscan::bundle::parse_manifest(std::as_bytes(std::span(data, size)), "fuzz"));
  } catch (const mediscan::Error& error) {
    if (error.code() != mediscan::ErrorCode::bundle_invalid) std::abort();
    (void)nlohmann::json(error.message()).dump();  // throws for invalid UTF-8
  }
  return 0;
}
