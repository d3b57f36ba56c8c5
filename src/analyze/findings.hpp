// From logits to findings: what the bundle makes of them (bundle/outcome.hpp), in words and in order. No picture and no
// clock in here.
#pragma once

#include <mediscan/bundle.hpp>
#include <mediscan/result.hpp>
#include <span>
#include <vector>

namespace mediscan::analyze {

/// `logits` has one value a label, in the bundle's order. Sorted by falling probability, unavailable labels last, equal
/// ones in the bundle's order. Throws BACKEND_FAILED naming the label when a logit of an available label is not finite.
std::vector<Finding> findings_of(const Bundle& bundle, std::span<const float> logits);

}  // namespace mediscan::analyze
