#include "quantization/quantized_bundle.hpp"

#include <fmt/format.h>
#include <mediscan/error.hpp>

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "bundle/inside.hpp"
#include "bundle/manifest.hpp"

namespace mediscan::quantization {
namespace {

constexpr std::string_view weights_name = "model.safetensors";

nlohmann::ordered_json manifest_of(const Bundle& source) {
  const auto path = source.directory / "mediscan.json";
  const auto bytes = base::read_file(path, bundle::max_manifest_bytes, "of mediscan.json", Stage::bundle);
  if (base::sha256_hex(bytes) != source.manifest_sha256) {
    throw Error(ErrorCode::bundle_invalid, Stage::bundle,
                fmt::format("{}: changed while the bundle was quantised", path.string()),
                "leave the bundle alone meanwhile, and try again");
  }
  return nlohmann::ordered_json::parse(bytes.begin(), bytes.end());  // Bundle::read has checked it
}

std::vector<std::byte> self_test_picture(const Bundle& source) {
  const auto path = bundle::file_inside(source.directory, source.self_test.input);
  return base::read_file(path, Limits{}.max_file_bytes, "max_file_bytes", Stage::bundle);
}

}  // namespace

std::string quantized_version(const std::string& version) {
  return version + (version.find('+') == std::string::npos ? "+int8" : ".int8");
}

void write_quantized(const bundle::UnpublishedFolder& folder, const Bundle& source, std::span<const std::byte> weights,
                     const Provenance& provenance) {
  nlohmann::ordered_json manifest = manifest_of(source);
  manifest["version"] = quantized_version(source.version);
  manifest["weights"] = nlohmann::ordered_json::array(
      {{{"file", weights_name}, {"format", "safetensors"}, {"sha256", base::sha256_hex(weights)}}});
  manifest["precision"] = {{"allowed", {"int8"}}, {"probability_tolerance", provenance.probability_tolerance}};
  manifest["x-mediscan-quantization"] = {{"source_sha256", source.weights_sha256()},
                                         {"calibration", provenance.calibration},
                                         {"pictures", provenance.pictures},
                                         {"kept_higher", provenance.kept}};
  const std::string text = manifest.dump(2) + "\n";
  folder.write(weights_name, weights);
  folder.write(source.self_test.input, self_test_picture(source));
  folder.write("mediscan.json", std::as_bytes(std::span(text)));
}

}  // namespace mediscan::quantization
