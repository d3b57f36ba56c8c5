// From a picture to findings: preprocess, run, read off. Analyzers are light handles on a model; copy them freely.
#pragma once

#include <mediscan/error.hpp>
#include <mediscan/export.hpp>
#include <mediscan/image.hpp>
#include <mediscan/job.hpp>
#include <mediscan/model_manager.hpp>
#include <mediscan/result.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace mediscan {

/// One of many encoded pictures; the bytes must outlive the call.
struct EncodedPicture {
  std::span<const std::byte> bytes;
  std::string name{};  ///< stands in the record and begins error messages
};

/// Analyses pictures with any model. Thread-safe; what many threads ask at once is run in batches. Every call counts
/// against the manager's bounds and is OVERLOADED beyond them, SHUT_DOWN after ModelManager::drain, NOT_READY when the
/// model was unloaded or is FAILED, FORKED in a child made by fork(). A model that is loading is waited for.
class MEDISCAN_API Analyzer {
 public:
  explicit Analyzer(Model model);

  /// One picture, prepared on the caller's thread; returns when it is done. Throws BACKEND_FAILED (the backend threw,
  /// hung, or gave a logit that is not finite), DEADLINE_EXCEEDED, and what preprocess throws. `on_done`, `completions`
  /// and `decode` of the options do not count here.
  [[nodiscard]] Result analyze(const Image& image, const JobOptions& options = {}) const;

  /// Encoded bytes: the result of Image::decode, then analyze, and its errors; but of a JPEG only the pixels that the
  /// recipe reads are made, and a large picture may be decoded and resized with one thread more than the caller's. With
  /// DecodeOptions::fast_decode the pixels may be those of a smaller size.
  [[nodiscard]] Result analyze(std::span<const std::byte> bytes, const JobOptions& options = {}) const;

  /// Many pictures, in batches of up to LoadOptions::max_batch, prepared on the caller's thread. One outcome per
  /// picture, in order; one bad never fails the rest. Of the options `timeout` counts for each picture from the start
  /// of the call, and `name` not at all.
  [[nodiscard]] std::vector<Outcome<Result>> analyze_batch(std::span<const Image> images,
                                                           const JobOptions& options = {}) const;

  /// The same of encoded pictures, each decoded as analyze of its bytes does.
  [[nodiscard]] std::vector<Outcome<Result>> analyze_encoded_batch(std::span<const EncodedPicture> pictures,
                                                                   const JobOptions& options = {}) const;

  /// Hands a picture in and returns at once: it is decoded and preprocessed on the manager's pool, run in a batch with
  /// others, and its end is told by the Job, `on_done` and `completions`. What the bounds refuse, and a deadline that
  /// cannot be met, is thrown here; every other failure is the job's. The bytes are copied; a vector that is moved in
  /// is not.
  [[nodiscard]] Job submit(std::span<const std::byte> bytes, const JobOptions& options = {}) const;
  [[nodiscard]] Job submit(std::vector<std::byte>&& bytes, const JobOptions& options = {}) const;
  [[nodiscard]] Job submit(const Image& image, const JobOptions& options = {}) const;

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
