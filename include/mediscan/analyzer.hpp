// From a picture to findings: preprocess, run, read off. Analyzers are light handles on a model; copy them freely.
#pragma once

#include <mediscan/error.hpp>
#include <mediscan/export.hpp>
#include <mediscan/image.hpp>
#include <mediscan/model_manager.hpp>
#include <mediscan/result.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace mediscan {

/// Analyses pictures with any model. Thread-safe; calls from many threads queue at the model's lane.
class MEDISCAN_API Analyzer {
 public:
  explicit Analyzer(Model model);

  /// One picture. Throws NOT_READY (unloaded), FORKED (in a child made by fork()), BACKEND_FAILED (the backend threw or
  /// gave a logit that is not finite), and what preprocess throws.
  [[nodiscard]] Result analyze(const Image& image) const;

  /// Encoded bytes: the result of Image::decode, then analyze, and its errors; but of a JPEG only the pixels that the
  /// recipe reads are made, and a large picture may be decoded and resized with one thread more than the caller's.
  [[nodiscard]] Result analyze(std::span<const std::byte> bytes, const DecodeOptions& options = {},
                               std::string_view name = {}) const;

  /// Many pictures, in batches of up to LoadOptions::max_batch. One outcome per picture, in order; one bad never fails
  /// the rest.
  [[nodiscard]] std::vector<Outcome<Result>> analyze_batch(std::span<const Image> images) const;

  [[nodiscard]] const Model& model() const noexcept { return model_; }

 private:
  Model model_;
};

/// An Analyzer that insists on a bundle of domain "skin" (INVALID_ARGUMENT otherwise); results have summary.skin.
class MEDISCAN_API SkinAnalyzer : public Analyzer {
 public:
  explicit SkinAnalyzer(Model model);
};

/// An Analyzer that insists on a bundle of domain "radiology" (INVALID_ARGUMENT otherwise); results have
/// summary.radiology.
class MEDISCAN_API RadiologyAnalyzer : public Analyzer {
 public:
  explicit RadiologyAnalyzer(Model model);
};

}  // namespace mediscan
