// What a domain's reader wants to know first, from findings that are sorted already.
#pragma once

#include <mediscan/bundle.hpp>
#include <mediscan/result.hpp>
#include <vector>

namespace mediscan::analyze {

/// skin: top class and the probability of the malignant classes together; radiology: labels over their operating point.
/// Other domains have none.
Summary summary_of(const Bundle& bundle, const std::vector<Finding>& findings);

}  // namespace mediscan::analyze
