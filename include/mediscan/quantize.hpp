// From a float32 bundle to its int8 sibling: calibration pictures in, a bundle out whose agreement was measured before
// it was published. docs/quantize.md explains the choices.
#pragma once

#include <mediscan/error.hpp>
#include <mediscan/export.hpp>
#include <mediscan/model_manager.hpp>
#include <mediscan/options.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan {

/// How the range of numbers that a layer's bytes stand for is chosen from what the layer gave.
enum class Calibration {
  min_max,     ///< everything that was seen
  percentile,  ///< all but the rarest: cut at QuantizeOptions::percentile
  mse,         ///< the range with the least mean squared error of rounding and cutting
  entropy,     ///< the range with the least Kullback-Leibler divergence of the rounded from the true distribution
};
MEDISCAN_API std::string_view name_of(Calibration calibration) noexcept;  ///< "min_max", "percentile", ...

/// What quantize is doing, and how much of that is done, 0 to 1. Called on the thread that called quantize.
using QuantizeProgress = std::function<void(std::string_view phase, double done)>;

struct QuantizeOptions {
  Calibration calibration = Calibration::mse;
  double percentile = 99.99;  ///< over 50, at most 100; of Calibration::percentile
  /// Largest difference of a probability from fp32's that the new bundle states, over 0, at most 0.5: its self-test
  /// must keep it at every load.
  double probability_tolerance = 0.02;
  /// Share of the pictures that must be decided as at fp32, 0 to 1; with fewer nothing is published.
  double min_agreement = 0.95;
  int threads = 0;                 ///< as ManagerOptions::threads
  std::filesystem::path libtorch;  ///< as ManagerOptions::libtorch
  DecodeOptions decode;            ///< of the pictures; fast_decode does not count
  QuantizeProgress progress;
};

/// A layer whose output became bytes.
struct QuantizedLayer {
  std::string name;
  double lowest = 0;  ///< number that it gave
  double highest = 0;
  double from = 0;     ///< number that the byte 0 stands for
  double to = 0;       ///< number that the byte 255 stands for
  double sqnr_db = 0;  ///< signal to quantisation noise of the output alone, estimated from its histogram
};

/// int8 against fp32, picture by picture.
struct Agreement {
  std::uint64_t pictures = 0;
  std::uint64_t same_decisions = 0;  ///< pictures of which every available label is decided alike
  double largest_difference = 0;     ///< of any available label's probability
  double mean_difference = 0;        ///< over the pictures, of each its largest
};

struct UnusedPicture {
  std::filesystem::path path;
  Error error;
};

struct QuantizeReport {
  std::filesystem::path directory;  ///< of the new bundle
  ModelRecord source;
  ModelRecord model;
  Calibration calibration = Calibration::mse;
  std::vector<QuantizedLayer> layers;
  Agreement agreement;
  SelfTestRecord self_test;
  std::uint64_t source_weight_bytes = 0;
  std::uint64_t weight_bytes = 0;
  std::vector<UnusedPicture> unused;  ///< pictures that could not be read or preprocessed
};

/// Quantises a bundle with the pictures named and writes the int8 bundle to `destination`, which must not exist; it
/// appears there whole, after it was loaded in int8, passed its self-test and agreed with fp32 on those pictures, or
/// not at all. Scores of what the pictures hold are the yardstick, so they should be many and of the model's own kind;
/// use none of them to judge the model afterwards. Pictures that cannot be used are left out and reported.
///
/// Throws INVALID_ARGUMENT (an option out of range, a destination that exists), what loading a bundle throws,
/// UNSUPPORTED (an architecture without int8, weights that are quantised already), the first picture's error when none
/// can be used, SELF_TEST_FAILED (int8 does not agree), PRECISION_UNSUPPORTED (a CPU without int8: it cannot be proven
/// here), IO_ERROR. Holds the model three times in memory. Thread-safe.
MEDISCAN_API QuantizeReport quantize(const std::filesystem::path& bundle, const std::filesystem::path& destination,
                                     std::span<const std::filesystem::path> pictures,
                                     const QuantizeOptions& options = {});

/// JSON text of a report, as Result's.
MEDISCAN_API std::string to_json(const QuantizeReport& report, int indent = -1);

}  // namespace mediscan
