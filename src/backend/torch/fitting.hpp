// Whether a bundle's weights can be computed in a precision at all, whatever the machine.
#pragma once

#include "backend/torch/device.hpp"
#include "backend/torch/weights.hpp"

namespace mediscan::backend::torch {

/// int8 needs weights quantised beforehand, and they serve nothing else. Throws PRECISION_UNSUPPORTED.
void require_fitting(const Weights& weights, Precision precision);

}  // namespace mediscan::backend::torch
