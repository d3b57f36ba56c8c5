// The whole of a quantisation, top to bottom: watch the network, choose ranges, write the bundle, prove it, publish it.
#include <mediscan/quantize.hpp>

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "backend/builtin.hpp"
#include "base/threads.hpp"
#include "bundle/names.hpp"
#include "bundle/safetensors_writer.hpp"
#include "bundle/unpublished_folder.hpp"
#include "bundle/weights.hpp"
#include "quantization/agreement.hpp"
#include "quantization/calibration.hpp"
#include "quantization/clipping.hpp"
#include "quantization/quantized_bundle.hpp"

namespace mediscan {
namespace quantization {
namespace {

constexpr std::array calibration_names{bundle::Named<Calibration>{Calibration::min_max, "min_max"},
                                       bundle::Named<Calibration>{Calibration::percentile, "percentile"},
                                       bundle::Named<Calibration>{Calibration::mse, "mse"},
                                       bundle::Named<Calibration>{Calibration::entropy, "entropy"}};

void check(const QuantizeOptions& options) {
  const auto refuse = [](std::string_view option, double value, std::string_view range) {
    throw Error(ErrorCode::invalid_argument, Stage::argument,
                fmt::format("{} is {}, expected {}", option, value, range));
  };
  if (!(options.percentile > 50 && options.percentile <= 100)) {
    refuse("percentile", options.percentile, "over 50, at most 100");
  }
  if (!(options.probability_tolerance > 0 && options.probability_tolerance <= 0.5)) {
    refuse("probability_tolerance", options.probability_tolerance, "over 0, at most 0.5");
  }
  if (!(options.min_agreement >= 0 && options.min_agreement <= 1)) {
    refuse("min_agreement", options.min_agreement, "0 to 1");
  }
}

struct Quantized {
  std::vector<std::byte> weights;
  std::vector<QuantizedLayer> layers;
  std::vector<std::filesystem::path> pictures;
  std::vector<UnusedPicture> unused;
  std::uint64_t source_weight_bytes = 0;
};

Quantized quantize_weights(const Bundle& bundle, std::span<const std::filesystem::path> pictures,
                           const QuantizeOptions& options) {
  Quantized quantized;
  std::unique_ptr<backend::Quantizable> network;
  {
    const auto loaded = bundle::LoadedWeights::read(bundle);
    for (const WeightsView& file : loaded.views()) quantized.source_weight_bytes += file.bytes.size();
    const int threads = base::thread_budget(options.threads).threads;
    network = backend::open_torch_quantizable({bundle, loaded.views(), "cpu", "fp32", threads, 1, options.libtorch});
  }
  Observed observed = observe(*network, bundle, pictures, options);
  std::vector<backend::ByteScale> scales;
  for (std::size_t i = 0; i < observed.layers.size(); ++i) {
    const Histogram& seen = observed.layers[i];
    const Range range = clip(seen, options.calibration, options.percentile);
    const backend::ByteScale scale = byte_scale(range);
    scales.push_back(scale);
    const double low = -double{scale.scale} * scale.zero_point;
    quantized.layers.push_back({network->layers()[i], seen.range().low, seen.range().high, low,
                                low + 255 * double{scale.scale}, sqnr_db(seen, range)});
  }
  quantized.weights = bundle::write_safetensors(network->quantized(scales, std::vector<bool>(network->units().size(), false)), {{"format", "pt"}});
  quantized.pictures = std::move(observed.pictures);
  quantized.unused = std::move(observed.unused);
  return quantized;
}

/// Loads both and compares them; throws when they do not agree well enough.
void prove(const std::filesystem::path& source, const std::filesystem::path& quantized,
           std::span<const std::filesystem::path> pictures, const QuantizeOptions& options, QuantizeReport& report) {
  ManagerOptions manager_options;
  manager_options.threads = options.threads;
  manager_options.libtorch = options.libtorch;
  ModelManager manager(manager_options);
  LoadOptions load;
  load.backend = "torch";
  load.max_batch = 1;
  load.device = "cpu";
  const Model exact = manager.load(source, load);
  load.precision = "int8";
  const Model model = manager.load(quantized, load);
  const ModelStatus status = model.status();
  report.source = exact.status().model;
  report.model = status.model;
  report.self_test = status.self_test;
  report.agreement = compare(Analyzer(exact), Analyzer(model), pictures, options);
  const auto [all, same] = std::pair(report.agreement.pictures, report.agreement.same_decisions);
  if (static_cast<double>(same) < options.min_agreement * static_cast<double>(all)) {
    throw Error(ErrorCode::self_test_failed, Stage::model,
                fmt::format("{} {}: int8 decides {} of {} pictures as fp32 does, {:.4g} % of them shall be",
                            report.model.name, report.model.version, same, all, 100 * options.min_agreement),
                "calibrate with more pictures of the model's own kind, or by another method; nothing was published");
  }
}

}  // namespace
}  // namespace quantization

std::string_view name_of(Calibration calibration) noexcept {
  return bundle::name_in(quantization::calibration_names, calibration);
}

QuantizeReport quantize(const std::filesystem::path& bundle, const std::filesystem::path& destination,
                        std::span<const std::filesystem::path> pictures, const QuantizeOptions& options) {
  quantization::check(options);
  const Bundle source = Bundle::read(bundle);
  bundle::UnpublishedFolder folder(destination);
  auto quantized = quantization::quantize_weights(source, pictures, options);
  const std::string calibration = options.calibration == Calibration::percentile
                                      ? fmt::format("percentile {}", options.percentile)
                                      : std::string(name_of(options.calibration));
  quantization::write_quantized(folder, source, quantized.weights,
                                {calibration, quantized.pictures.size(), options.probability_tolerance});
  QuantizeReport report;
  quantization::prove(bundle, folder.path(), quantized.pictures, options, report);
  folder.publish();
  report.directory = destination;
  report.calibration = options.calibration;
  report.layers = std::move(quantized.layers);
  report.source_weight_bytes = quantized.source_weight_bytes;
  report.weight_bytes = quantized.weights.size();
  report.unused = std::move(quantized.unused);
  return report;
}

}  // namespace mediscan
