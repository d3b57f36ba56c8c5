// From the spread of a layer's numbers to the range that its bytes stand for.
#pragma once

#include <mediscan/quantize.hpp>

#include "backend/quantizable.hpp"
#include "quantization/histogram.hpp"

namespace mediscan::quantization {

/// The range that the method chooses; inside the histogram's. `percentile` is Calibration::percentile's.
Range clip(const Histogram& histogram, Calibration calibration, double percentile);

/// 256 steps over the range, one of them at zero exactly (Jacob et al., "Quantization and Training of Neural Networks
/// for Efficient Integer-Arithmetic-Only Inference", 2018, section 3). A range without width gives a scale of 1.
backend::ByteScale byte_scale(const Range& range);

/// Signal to noise of rounding to 256 steps of the range and cutting off at its ends, in dB: rounding within has the
/// variance step^2 / 12. At most 200.
double sqnr_db(const Histogram& histogram, const Range& range);

}  // namespace mediscan::quantization
