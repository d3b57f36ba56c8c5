#include "quantization/sensitivity.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <utility>

#include "backend/builtin.hpp"
#include "base/threads.hpp"
#include "bundle/outcome.hpp"
#include "bundle/safetensors_writer.hpp"
#include "preprocess/pipeline.hpp"

namespace mediscan::quantization {
namespace {

/// Pictures after the recipe, and a row of logits of each.
struct Sample {
  Sample(const Bundle& bundle, std::span<const std::filesystem::path> pictures, const DecodeOptions& decode)
      : bundle(bundle), size(bundle.input_size()) {
    const std::size_t count = std::min(pictures.size(), sensitivity_pictures);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<float>& tensor =
          tensors.emplace_back(std::size_t{bundle.input.channels()} * size.first * size.second);
      recipe::preprocess_into(Image::read(pictures[i * pictures.size() / count], decode), bundle.input, tensor);
    }
  }

  /// `run` computes one picture.
  template <class Run>
  [[nodiscard]] std::vector<float> logits(const Run& run) const {
    const std::uint32_t outputs = bundle.architecture.outputs;
    std::vector<float> rows(tensors.size() * outputs);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      run(BatchInput{tensors[i].data(), 1, bundle.input.channels(), size.first, size.second, bundle.input.layout},
          BatchOutput{rows.data() + i * outputs, 1, outputs});
    }
    return rows;
  }

  const Bundle& bundle;
  std::pair<std::uint32_t, std::uint32_t> size;
  std::vector<std::vector<float>> tensors;
};

/// Infinite when one of the found is not finite.
double root_mean_square(const Bundle& bundle, std::span<const float> expected, std::span<const float> found) {
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!bundle::logit_counts(bundle, bundle.labels[i % bundle.labels.size()])) continue;
    const double difference = double{found[i]} - double{expected[i]};
    sum += difference * difference;
    ++count;
  }
  const double mean = count > 0 ? sum / static_cast<double>(count) : 0;
  return std::isfinite(mean) ? std::sqrt(mean) : std::numeric_limits<double>::infinity();
}

}  // namespace

std::vector<UnitError> rank_units(backend::Quantizable& network, const Bundle& bundle,
                                  std::span<const backend::ByteScale> scales,
                                  std::span<const std::filesystem::path> pictures, const QuantizeOptions& options) {
  const Sample sample(bundle, pictures, options.decode);
  const auto expected = sample.logits([&](const BatchInput& input, const BatchOutput& output) {
    network.run(input, output, [](std::size_t, std::span<const float>) {});
  });
  const auto backend = backend::make_torch_backend();
  const int threads = base::thread_budget(options.threads).threads;
  const std::atomic<bool> not_cancelled{false};
  std::vector<UnitError> ranked;
  const std::size_t units = network.units().size();
  for (std::size_t unit = 0; unit < units; ++unit) {
    if (options.progress) {
      options.progress("looking for sensitive layers", static_cast<double>(unit) / static_cast<double>(units));
    }
    std::vector<bool> kept(units, true);
    kept[unit] = false;
    const auto weights = bundle::write_safetensors(network.quantized(scales, kept));
    const WeightsView view{"model.safetensors", "safetensors", "", weights};
    const auto session = backend->open({bundle, {&view, 1}, "cpu", "int8", threads, 1, options.libtorch});
    const auto found = sample.logits(
        [&](const BatchInput& input, const BatchOutput& output) { session->run(input, output, not_cancelled); });
    ranked.push_back({unit, root_mean_square(bundle, expected, found)});
  }
  std::ranges::stable_sort(ranked, std::ranges::greater{}, &UnitError::logit_error);
  return ranked;
}

}  // namespace mediscan::quantization
