// What the fields of a bundle say of each other.
#pragma once

#include <mediscan/bundle.hpp>

#include "bundle/json_reader.hpp"

namespace mediscan::bundle {

/// Throws BUNDLE_INVALID at the field that disagrees. `root` is the tree that `bundle` was read from.
void check_consistency(const Bundle& bundle, const JsonReader& root);

}  // namespace mediscan::bundle
