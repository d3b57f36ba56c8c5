// The recipe as JSON: reading mediscan.json's `input`. Writing it is canonical_json of <mediscan/bundle.hpp>.
#pragma once

#include <mediscan/preprocess.hpp>
#include <optional>
#include <utility>

#include "bundle/json_reader.hpp"

namespace mediscan::bundle {

/// Throws BUNDLE_INVALID for a field that is wrong in itself or against the recipe's others.
PreprocessSpec read_spec(const JsonReader& input);

/// Height and width of the tensor when they do not depend on the picture; nothing when they do.
std::optional<std::pair<std::uint32_t, std::uint32_t>> fixed_size(const PreprocessSpec& spec);

}  // namespace mediscan::bundle
