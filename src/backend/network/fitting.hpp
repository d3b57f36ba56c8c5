// What no session of this backend can compute, whatever the machine.
#pragma once

#include <string>

#include "backend/network/precision.hpp"
#include "backend/network/weights.hpp"

namespace mediscan::backend {

/// int8 needs weights quantised beforehand, and they serve nothing else. Throws PRECISION_UNSUPPORTED.
void require_fitting(const Weights& weights, Precision precision);

/// Throws UNSUPPORTED for an architecture that this backend has no network for.
[[noreturn]] void refuse_architecture(const std::string& name);

}  // namespace mediscan::backend
