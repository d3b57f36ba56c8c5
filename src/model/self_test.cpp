#include "model/self_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/large_memory.hpp"
#include "bundle/outcome.hpp"
#include "preprocess/pipeline.hpp"

namespace mediscan::model {
namespace {

/// Largest difference of any row to the stored logits; throws at the first beyond the tolerance (NaN is beyond any).
double compare_logits(const Bundle& bundle, std::span<const float> logits, std::uint32_t batch) {
  const SelfTest& expected = bundle.self_test;
  const std::size_t outputs = expected.logits.size();
  double largest = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const float stored = expected.logits[i % outputs];
    const double difference = std::abs(static_cast<double>(logits[i]) - stored);
    if (!(difference <= expected.tolerance)) {
      throw Error(
          ErrorCode::self_test_failed, Stage::model,
          fmt::format("{} {}: self-test logit of \"{}\" is {} at batch size {}, the bundle says {} within {}",
                      bundle.name, bundle.version, bundle.labels[i % outputs].code, logits[i], batch, stored,
                      expected.tolerance),
          "the weights, the recipe or the self-test of this bundle do not belong together; convert the model again");
    }
    largest = std::max(largest, difference);
  }
  return largest;
}

/// Largest difference of any probability of one row to those that the stored logits give; throws at the first beyond
/// the tolerance (NaN is beyond any) and at the first other decision.
double compare_outcomes(const Bundle& bundle, const std::vector<bundle::Outcome>& expected, std::span<const float> row,
                        const Proven& session, std::uint32_t batch) {
  const double tolerance = bundle.precision->probability_tolerance;
  const auto fail = [&](std::size_t i, const std::string& what) {
    throw Error(ErrorCode::self_test_failed, Stage::model,
                fmt::format("{} {}: at {} and batch size {} the self-test picture's \"{}\" {}", bundle.name,
                            bundle.version, session.precision, batch, bundle.labels[i].code, what),
                fmt::format("choose precision fp32 for this bundle, or calibrate its {} anew", session.precision));
  };
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (bundle::logit_counts(bundle, bundle.labels[i]) && !std::isfinite(row[i])) {
      fail(i, fmt::format("has the logit {}, no finite number", row[i]));
    }
  }
  const auto found = bundle::outcomes_of(bundle, row);
  double largest = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!bundle.labels[i].available) continue;
    const double difference = std::abs(found[i].probability - expected[i].probability);
    if (!(difference <= tolerance)) {
      fail(i, fmt::format("has the probability {:.6g}, at fp32 {:.6g}, the bundle allows a difference of {}",
                          found[i].probability, expected[i].probability, tolerance));
    }
    if (found[i].decision != expected[i].decision) {
      fail(i, fmt::format("is decided otherwise than at fp32: {} with probability {:.6g}, {} with {:.6g}",
                          found[i].decision, found[i].probability, expected[i].decision, expected[i].probability));
    }
    largest = std::max(largest, difference);
  }
  return largest;
}

/// Compares all rows of a batch, as the precision asks for.
double compare(const Bundle& bundle, std::span<const float> logits, const Proven& session, std::uint32_t batch) {
  if (session.precision == "fp32") return compare_logits(bundle, logits, batch);
  const auto expected = bundle::outcomes_of(bundle, bundle.self_test.logits);
  const std::size_t outputs = expected.size();
  double largest = 0;
  for (std::size_t at = 0; at < logits.size(); at += outputs) {
    largest = std::max(largest, compare_outcomes(bundle, expected, logits.subspan(at, outputs), session, batch));
  }
  return largest;
}

/// Who opens a session below fp32 has made sure that the bundle allows it.
double tolerance_of(const Bundle& bundle, const Proven& session) {
  if (session.precision == "fp32") return bundle.self_test.tolerance;
  if (bundle.precision) return bundle.precision->probability_tolerance;
  throw Error(ErrorCode::precision_unsupported, Stage::model,
              fmt::format("{} {} states no tolerance for {}", bundle.name, bundle.version, session.precision),
              "choose precision fp32");
}

}  // namespace

SelfTestPictures::SelfTestPictures(const Bundle& bundle, std::uint32_t copies, bool with_samples) {
  const auto path = bundle.directory / bundle.self_test.input;
  try {
    const Image picture = Image::read(path);
    const auto [height, width] = bundle.input_size();
    const std::size_t size = std::size_t{bundle.input.channels()} * height * width;
    form_ = {nullptr, copies, bundle.input.channels(), height, width, bundle.input.layout};
    tensors_ = base::allocate_floats(size * copies);
    recipe::preprocess_into(picture, bundle.input, std::span(tensors_.get(), size));
    for (std::uint32_t i = 1; i < copies; ++i) std::copy_n(tensors_.get(), size, tensors_.get() + i * size);
    if (!with_samples || !recipe::gives_bytes(picture, bundle.input)) return;
    samples_.resize(size * copies);
    recipe::samples_into(image::Excerpt(picture), bundle.input, std::span(samples_).first(size), 1);
    for (std::uint32_t i = 1; i < copies; ++i) std::copy_n(samples_.data(), size, samples_.data() + i * size);
  } catch (const Error& error) {
    throw Error(ErrorCode::bundle_invalid, Stage::model,
                fmt::format("the self-test picture cannot be used: {}", error.message()), error.hint());
  }
}

BatchInput SelfTestPictures::first(std::uint32_t batch, bool as_samples) const noexcept {
  BatchInput input = form_;
  input.batch = batch;
  if (as_samples && has_samples()) {
    input.samples = samples_.data();
  } else {
    input.data = tensors_.get();
  }
  return input;
}

SelfTestRecord self_test(const Bundle& bundle, const std::vector<std::uint32_t>& batch_sizes, const Proven& session,
                         const RunBatch& run) {
  const std::uint32_t outputs = bundle.architecture.outputs;
  const SelfTestPictures pictures(bundle, batch_sizes.back(), session.takes_samples);
  std::vector<float> logits(std::size_t{batch_sizes.back()} * outputs);
  SelfTestRecord record{!session.simulated, 0, tolerance_of(bundle, session)};
  const auto prove = [&](const BatchInput& input) {
    const auto rows = std::span(logits).first(std::size_t{input.batch} * outputs);
    std::fill(rows.begin(), rows.end(), std::nanf(""));  // a row that a backend leaves unwritten must not pass
    run(input, {rows.data(), input.batch, outputs});
    if (session.simulated) return;
    record.largest_difference = std::max(record.largest_difference, compare(bundle, rows, session, input.batch));
  };
  for (const std::uint32_t batch : batch_sizes) prove(pictures.first(batch, session.takes_samples));
  if (pictures.has_samples()) prove(pictures.first(batch_sizes.front(), false));
  return record;
}

}  // namespace mediscan::model
