#include "model/self_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/large_memory.hpp"
#include "preprocess/pipeline.hpp"

namespace mediscan::model {
namespace {

/// `copies` times the tensor of the self-test picture, one after the other.
std::shared_ptr<float[]> self_test_batch(const Bundle& bundle, std::uint32_t copies) {
  const auto path = bundle.directory / bundle.self_test.input;
  try {
    const Image picture = Image::read(path);
    const auto [height, width] = bundle.input_size();
    const std::size_t size = std::size_t{bundle.input.channels()} * height * width;
    auto batch = base::allocate_floats(size * copies);
    recipe::preprocess_into(picture, bundle.input, std::span(batch.get(), size));
    for (std::uint32_t i = 1; i < copies; ++i) std::copy_n(batch.get(), size, batch.get() + i * size);
    return batch;
  } catch (const Error& error) {
    throw Error(ErrorCode::bundle_invalid, Stage::model,
                fmt::format("the self-test picture cannot be used: {}", error.message()), error.hint());
  }
}

/// Largest difference of any row to the stored logits; throws at the first beyond the tolerance (NaN is beyond any).
double compare(const Bundle& bundle, std::span<const float> logits, std::uint32_t batch) {
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

}  // namespace

SelfTestRecord self_test(const Bundle& bundle, const std::vector<std::uint32_t>& batch_sizes, bool simulated,
                         const RunBatch& run) {
  const auto [height, width] = bundle.input_size();
  const std::uint32_t outputs = bundle.architecture.outputs;
  const auto tensors = self_test_batch(bundle, batch_sizes.back());
  std::vector<float> logits(std::size_t{batch_sizes.back()} * outputs);
  SelfTestRecord record{!simulated, 0, bundle.self_test.tolerance};
  for (const std::uint32_t batch : batch_sizes) {
    const auto rows = std::span(logits).first(std::size_t{batch} * outputs);
    std::fill(rows.begin(), rows.end(), std::nanf(""));  // a row that a backend leaves unwritten must not pass
    run({tensors.get(), batch, bundle.input.channels(), height, width, bundle.input.layout},
        {rows.data(), batch, outputs});
    if (!simulated) record.largest_difference = std::max(record.largest_difference, compare(bundle, rows, batch));
  }
  return record;
}

}  // namespace mediscan::model
