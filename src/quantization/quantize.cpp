// The whole of a quantisation, top to bottom: watch the network, choose ranges, write the bundle, prove it, keep more
// in float32 where the proof asks for it, publish it.
#include <mediscan/quantize.hpp>

#include <fmt/format.h>

#include <array>
#include <optional>
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
#include "quantization/least.hpp"
#include "quantization/quantized_bundle.hpp"
#include "quantization/sensitivity.hpp"

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
  const double share = options.min_agreement.value_or(1);
  if (!(share >= 0 && share <= 1)) refuse("min_agreement", share, "0 to 1");
}

/// The network in float32, and what its layers' bytes shall stand for.
struct Calibrated {
  std::unique_ptr<backend::Quantizable> network;
  std::vector<backend::ByteScale> scales;
  std::vector<QuantizedLayer> layers;
  std::vector<std::filesystem::path> pictures;
  std::vector<UnusedPicture> unused;
  std::uint64_t source_weight_bytes = 0;
};

Calibrated calibrate(const Bundle& bundle, std::span<const std::filesystem::path> pictures,
                     const QuantizeOptions& options) {
  Calibrated calibrated;
  {
    const auto loaded = bundle::LoadedWeights::read(bundle);
    for (const WeightsView& file : loaded.views()) calibrated.source_weight_bytes += file.bytes.size();
    const int threads = base::thread_budget(options.threads).threads;
    calibrated.network =
        backend::open_torch_quantizable({bundle, loaded.views(), "cpu", "fp32", threads, 1, options.libtorch});
  }
  const std::size_t units = calibrated.network->units().size();
  if (options.keep_higher.value_or(0) >= units) {
    throw Error(ErrorCode::invalid_argument, Stage::argument,
                fmt::format("keep_higher is {}, expected fewer than the {} units that there are",
                            options.keep_higher.value_or(0), units));
  }
  Observed observed = observe(*calibrated.network, bundle, pictures, options);
  for (std::size_t i = 0; i < observed.layers.size(); ++i) {
    const Histogram& seen = observed.layers[i];
    const Range range = clip(seen, options.calibration, options.percentile);
    const backend::ByteScale scale = byte_scale(range);
    calibrated.scales.push_back(scale);
    const double low = -double{scale.scale} * scale.zero_point;
    calibrated.layers.push_back({calibrated.network->layers()[i], seen.range().low, seen.range().high, low,
                                 low + 255 * double{scale.scale}, sqnr_db(seen, range)});
  }
  calibrated.pictures = std::move(observed.pictures);
  calibrated.unused = std::move(observed.unused);
  return calibrated;
}

/// A model and the manager that serves it, one of its own: the folder of an attempt changes, and managers remember.
struct Loaded {
  std::unique_ptr<ModelManager> manager;
  Model model;
};

Loaded load_alone(const std::filesystem::path& bundle, const std::string& precision, const QuantizeOptions& options) {
  ManagerOptions manager_options;
  manager_options.threads = options.threads;
  manager_options.libtorch = options.libtorch;
  auto manager = std::make_unique<ModelManager>(manager_options);
  LoadOptions load;
  load.backend = "torch";
  load.max_batch = 1;
  load.lanes = 1;  // one picture after the other: a second lane would find no work
  load.device = "cpu";
  load.precision = precision;
  Model model = manager->load(bundle, load);
  return {std::move(manager), std::move(model)};
}

/// A bundle that was written, loaded and found to agree, not published yet.
struct Proven {
  std::unique_ptr<bundle::UnpublishedFolder> folder;
  QuantizeReport report;
};

/// From calibration to proof, with as many units kept as it is told.
class Quantization {
 public:
  /// All but the path outlive it.
  Quantization(const Bundle& source, std::filesystem::path destination, const Calibrated& calibrated,
               const QuantizeOptions& options)
      : source_(source),
        destination_(std::move(destination)),
        calibrated_(calibrated),
        options_(options),
        exact_(load_alone(source.directory, "fp32", options)),
        reference_(exact_.model, source.task, calibrated.pictures, options) {}

  /// Throws SELF_TEST_FAILED when int8 and fp32 do not agree well enough.
  Proven attempt(std::size_t kept) {
    const auto& units = calibrated_.network->units();
    if (kept > 0 && ranked_.empty()) {
      ranked_ = rank_units(*calibrated_.network, source_, calibrated_.scales, calibrated_.pictures, options_);
    }
    Proven proven{std::make_unique<bundle::UnpublishedFolder>(destination_), {}};
    QuantizeReport& report = proven.report;
    report.units = static_cast<std::uint32_t>(units.size());
    std::vector<bool> keep(units.size(), false);
    for (std::size_t i = 0; i < kept; ++i) {
      keep[ranked_[i].unit] = true;
      report.kept.push_back({units[ranked_[i].unit].name, ranked_[i].logit_error});
    }
    write(*proven.folder, keep, report);
    prove(proven.folder->path(), report);
    return proven;
  }

 private:
  void write(const bundle::UnpublishedFolder& folder, const std::vector<bool>& keep, QuantizeReport& report) {
    const auto weights =
        bundle::write_safetensors(calibrated_.network->quantized(calibrated_.scales, keep), {{"format", "pt"}});
    const std::string calibration = options_.calibration == Calibration::percentile
                                        ? fmt::format("percentile {}", options_.percentile)
                                        : std::string(name_of(options_.calibration));
    Provenance provenance{calibration, calibrated_.pictures.size(), options_.probability_tolerance, {}};
    for (const KeptUnit& unit : report.kept) provenance.kept.push_back(unit.name);
    write_quantized(folder, source_, weights, provenance);
    report.weight_bytes = weights.size();
    std::vector<bool> silent(calibrated_.layers.size(), false);  // layers that give no bytes
    for (std::size_t unit = 0; unit < keep.size(); ++unit) {
      if (!keep[unit]) continue;
      for (const std::size_t layer : calibrated_.network->units()[unit].layers) silent[layer] = true;
    }
    for (std::size_t i = 0; i < silent.size(); ++i) {
      if (!silent[i]) report.layers.push_back(calibrated_.layers[i]);
    }
  }

  void prove(const std::filesystem::path& quantized, QuantizeReport& report) {
    const Loaded loaded = load_alone(quantized, "int8", options_);
    const ModelStatus status = loaded.model.status();
    report.source = exact_.model.status().model;
    report.model = status.model;
    report.self_test = status.self_test;
    report.agreement = reference_.compare(Analyzer(loaded.model));
    const auto [all, same] = std::pair(report.agreement.decisions, report.agreement.decided_alike);
    const double needed = options_.min_agreement.value_or(source_.task == Task::multiclass ? 0.95 : 0.98);
    if (static_cast<double>(same) < needed * static_cast<double>(all)) {
      throw Error(
          ErrorCode::self_test_failed, Stage::model,
          fmt::format("{} {}: of {} decisions about {} pictures int8 makes {} as fp32 does, {:.4g} % of them shall be",
                      report.model.name, report.model.version, all, report.agreement.pictures, same, 100 * needed),
          "calibrate with more pictures of the model's own kind, or by another method; nothing was published");
    }
  }

  const Bundle& source_;
  std::filesystem::path destination_;
  const Calibrated& calibrated_;
  const QuantizeOptions& options_;
  Loaded exact_;
  Reference reference_;
  std::vector<UnitError> ranked_;  // once it is needed
};

/// With as few units kept as the agreement needs.
Proven attempt_as_needed(Quantization& quantization, std::size_t units) {
  std::optional<Error> refusal;  // the first
  std::optional<Proven> best;    // the last that agreed, which keeps the fewest
  const auto agrees = [&](std::size_t kept) {
    try {
      best = quantization.attempt(kept);
      return true;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::self_test_failed) throw;
      if (!refusal) refusal = error;
      return false;
    }
  };
  if (agrees(0)) return std::move(*best);
  const std::size_t most = units / 2;
  if (!least_that(most, agrees)) {
    throw Error(refusal->code(), refusal->stage(),
                fmt::format("{}; it does not agree with the {} most sensitive of {} units kept in float32 either",
                            refusal->message(), most, units),
                refusal->hint());
  }
  best->report.kept_because = refusal->message();
  return std::move(*best);
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
  { const bundle::UnpublishedFolder place(destination); }  // fails here, not after minutes, where none can be made
  auto calibrated = quantization::calibrate(source, pictures, options);
  quantization::Quantization quantization(source, destination, calibrated, options);
  auto proven = options.keep_higher ? quantization.attempt(*options.keep_higher)
                                    : attempt_as_needed(quantization, calibrated.network->units().size());
  proven.folder->publish();
  QuantizeReport report = std::move(proven.report);
  report.directory = destination;
  report.calibration = options.calibration;
  report.source_weight_bytes = calibrated.source_weight_bytes;
  report.unused = calibrated.unused;
  return report;
}

}  // namespace mediscan
