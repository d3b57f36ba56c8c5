// Two models on the same pictures.
#pragma once

#include <mediscan/analyzer.hpp>
#include <mediscan/quantize.hpp>

#include <filesystem>
#include <span>
#include <vector>

namespace mediscan::quantization {

/// A model in fp32 and what it says of the pictures, each analysed when it is first asked for.
class Reference {
 public:
  /// The pictures have been read before, and outlive it, as the options do.
  Reference(const Model& exact, Task task, std::span<const std::filesystem::path> pictures,
            const QuantizeOptions& options)
      : exact_(exact), task_(task), pictures_(pictures), options_(options) {}

  /// Throws what analysing throws.
  Agreement compare(const Analyzer& quantized);

 private:
  Analyzer exact_;
  Task task_;
  std::span<const std::filesystem::path> pictures_;
  const QuantizeOptions& options_;
  std::vector<Result> results_;
};

}  // namespace mediscan::quantization
