// What each layer of a network gives for the calibration pictures: two passes over them, first the ranges, then how the
// numbers are spread within.
#pragma once

#include <mediscan/quantize.hpp>

#include <filesystem>
#include <span>
#include <vector>

#include "backend/quantizable.hpp"
#include "quantization/histogram.hpp"

namespace mediscan::quantization {

struct Observed {
  std::vector<Histogram> layers;                ///< one for each of Quantizable::layers()
  std::vector<std::filesystem::path> pictures;  ///< those that could be used
  std::vector<UnusedPicture> unused;
};

/// Throws the first picture's error when no picture can be used, and BACKEND_FAILED for a layer that gives numbers that
/// are not finite.
Observed observe(backend::Quantizable& network, const Bundle& bundle, std::span<const std::filesystem::path> pictures,
                 const QuantizeOptions& options);

}  // namespace mediscan::quantization
