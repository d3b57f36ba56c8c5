// The files of a quantised bundle, made from those of the bundle it comes from.
#pragma once

#include <mediscan/bundle.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "bundle/unpublished_folder.hpp"

namespace mediscan::quantization {

/// What the manifest says of the quantisation.
struct Provenance {
  std::string calibration;
  std::size_t pictures = 0;
  double probability_tolerance = 0;
  std::vector<std::string> kept;  ///< units that are kept in float32
};

/// Writes mediscan.json, model.safetensors and the self-test picture. Of the manifest everything stays but `version`,
/// which gets the build metadata "int8", `weights`, `precision`, and `x-mediscan-quantization`, which says what was
/// done. Throws IO_ERROR, and BUNDLE_INVALID for a manifest that changed since it was read.
void write_quantized(const bundle::UnpublishedFolder& folder, const Bundle& source, std::span<const std::byte> weights,
                     const Provenance& provenance);

/// "1.2.0" becomes "1.2.0+int8", "1.2.0+abc" "1.2.0+abc.int8" (Semantic Versioning 2.0.0, item 10).
std::string quantized_version(const std::string& version);

}  // namespace mediscan::quantization
