#include "analyze/record.hpp"

#include "analyze/findings.hpp"
#include "analyze/summary.hpp"
#include "base/stopwatch.hpp"

namespace mediscan::analyze {
namespace {

InputRecord input_of(const image::Excerpt& picture) {
  const ImageInfo& info = picture.stored.info();
  return {info.name, info.sha256, info.format, picture.width, picture.height, picture.stored.bits()};
}

std::vector<Warning> warnings_of(const Bundle& bundle, const Image& image, const ExecutionRecord& execution) {
  std::vector<Warning> warnings = image.info().warnings;
  if (bundle.card.warning) warnings.push_back({"MODEL_CARD", *bundle.card.warning});
  if (execution.simulated) {
    warnings.push_back(
        {"SIMULATED", "these scores are simulated: drawn from the picture's hash, not computed by any model"});
  }
  return warnings;
}

}  // namespace

Result result_of(const model::LoadedModel& model, const image::Excerpt& picture, std::span<const float> logits,
                 const RunRecord& run) {
  const base::Stopwatch watch;
  const Image& image = picture.stored;
  const Bundle& bundle = model.bundle();
  Result result;
  result.input = input_of(picture);
  result.model = model.record();
  result.preprocess_sha256 = model.preprocess_sha256();
  result.execution = model.execution();
  result.execution.batch_size = run.batch_size;
  result.findings = findings_of(bundle, logits);
  result.summary = summary_of(bundle, result.findings);
  result.warnings = warnings_of(bundle, image, result.execution);
  result.library_version = library_version();
  result.timing_ms.decode = image.info().decode_ms;
  result.timing_ms.preprocess = run.preprocess_ms;
  result.timing_ms.queue = run.queue_ms;
  result.timing_ms.inference = run.inference_ms;
  result.timing_ms.postprocess = watch.ms();
  result.timing_ms.total =
      run.earlier_ms + std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - run.since).count();
  return result;
}

}  // namespace mediscan::analyze
