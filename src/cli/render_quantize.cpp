#include "cli/render_quantize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "cli/layout.hpp"
#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

constexpr std::size_t layers_shown = 3;
constexpr std::uint64_t few_pictures = 32;

std::string model_text(const ModelRecord& model) {
  return fmt::format("{} {} ({})", model.name, model.version, model.sha256.substr(0, 8));
}

std::string agreement_text(const Agreement& agreement) {
  const std::string decisions = agreement.decisions == agreement.pictures
                                    ? std::string()
                                    : fmt::format(" ({} of {} labels)", agreement.decided_alike, agreement.decisions);
  return fmt::format(
      "{} of {} pictures decided as at fp32{}; probabilities differ by {:.2g} at most, {:.2g} on average",
      agreement.same_decisions, agreement.pictures, decisions, agreement.largest_difference, agreement.mean_difference);
}

/// Which units are in float32; a line of its own says why.
std::string kept_text(const QuantizeReport& report) {
  if (report.kept.empty()) return fmt::format("none of {} units", report.units);
  std::string text = fmt::format("{} of {} units: ", report.kept.size(), report.units);
  for (std::size_t i = 0; i < report.kept.size(); ++i) {
    text += fmt::format("{}{} (alone in int8 it moves logits by {:.2g})", i == 0 ? "" : ", ", report.kept[i].name,
                        report.kept[i].logit_error);
  }
  return text;
}

std::string noisiest_text(const std::vector<QuantizedLayer>& layers) {
  std::vector<const QuantizedLayer*> sorted;
  sorted.reserve(layers.size());
  for (const QuantizedLayer& layer : layers) sorted.push_back(&layer);
  std::ranges::sort(sorted, {}, &QuantizedLayer::sqnr_db);
  std::string text;
  for (std::size_t i = 0; i < std::min(layers_shown, sorted.size()); ++i) {
    text += fmt::format("{}{} ({:.1f} dB)", i == 0 ? "" : ", ", sorted[i]->name, sorted[i]->sqnr_db);
  }
  return text;
}

}  // namespace

std::string render_quantize(const QuantizeReport& report, const Style& style) {
  const Agreement& agreement = report.agreement;
  std::string text = paint(style, Ink::bold, escaped(report.directory.string())) + '\n';
  text += field(style, "model", model_text(report.model));
  text += field(style, "from", model_text(report.source));
  text += field(style, "weights",
                fmt::format("{}, before {}", size_text(report.weight_bytes), size_text(report.source_weight_bytes)));
  text += field(
      style, "calibration",
      fmt::format("{}, {} layers, {} pictures", name_of(report.calibration), report.layers.size(), agreement.pictures));
  text += field(style, "agreement", agreement_text(agreement),
                agreement.same_decisions == agreement.pictures ? Ink::green : Ink::yellow);
  text += field(style, "self-test",
                fmt::format("passed, probabilities differ by {:.2g} of {:.2g} allowed",
                            report.self_test.largest_difference, report.self_test.tolerance));
  text += field(style, "kept in fp32", kept_text(report));
  if (!report.kept_because.empty()) text += field(style, "since", escaped(report.kept_because), Ink::yellow);
  text += field(style, "most noise", noisiest_text(report.layers));
  if (agreement.pictures < few_pictures) {
    text += field(style, "note", "so few pictures say little of others; take a hundred or more", Ink::yellow);
  }
  text +=
      field(style, "next", "compare both bundles on pictures that were not among these, then load with precision int8");
  return text + paragraph(style, 2, research_notice, Ink::dim);
}

}  // namespace mediscan::cli
