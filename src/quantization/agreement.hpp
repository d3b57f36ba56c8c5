// Two models on the same pictures.
#pragma once

#include <mediscan/analyzer.hpp>
#include <mediscan/quantize.hpp>

#include <filesystem>
#include <span>

namespace mediscan::quantization {

/// Throws what analysing throws; the pictures have been read before.
Agreement compare(const Analyzer& exact, const Analyzer& quantized, std::span<const std::filesystem::path> pictures,
                  const QuantizeOptions& options);

}  // namespace mediscan::quantization
