#include "cli/render_tune.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>

#include "cli/layout.hpp"
#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

/// So many programs a thread of the budget disturb a measurement.
constexpr double busy = 0.5;

std::string split_text(const TuneConfiguration& configuration) {
  return fmt::format("{} x {}", configuration.lanes, configuration.threads);
}

std::string backend_text(const TuneConfiguration& configuration) {
  std::string text = configuration.backend;
  if (!configuration.backend_version.empty()) text += ' ' + configuration.backend_version;
  return escaped(text);
}

std::string_view best_text(const TuneReport& report, std::size_t row) {
  if (row == report.best_latency) return row == report.best_throughput ? "  both" : "  latency";
  return row == report.best_throughput ? "  throughput" : "";
}

std::string line(std::string_view backend, std::string_view device, std::string_view precision, std::string_view split,
                 std::string_view batch, std::string_view latency, std::string_view rate, std::string_view best) {
  return fmt::format("  {}{}{}{}{:>6}{:>10}{:>12}{}", padded(backend, 16), padded(device, 8), padded(precision, 11),
                     padded(split, 7), batch, latency, rate, best);
}

std::string table(const TuneReport& report, const Style& style) {
  std::string text =
      paint(style, Ink::dim,
            line("backend", "device", "precision", "lanes", "batch", "ms alone", "pictures/s", "  best")) +
      '\n';
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    const TuneRow& row = report.rows[i];
    const TuneConfiguration& one = row.configuration;
    const auto best = best_text(report, i);
    const std::string shown =
        line(backend_text(one), escaped(one.device), one.precision, split_text(one), fmt::format("{}", row.batch_size),
             fmt::format("{:.2f}", row.latency_ms), fmt::format("{:.1f}", row.pictures_per_second), best);
    text += paint(style, best.empty() ? Ink::plain : Ink::green, shown) + '\n';
  }
  return text;
}

std::string refusal_text(const TuneRefusal& refusal) {
  const TuneConfiguration& one = refusal.configuration;
  if (one.precision.empty()) return refusal.error.message();  // of a backend that is not here, which it names
  std::string text = fmt::format("{} {} {}", one.backend, one.device, one.precision);
  if (one.lanes > 1) text += fmt::format(" on {} lanes", one.lanes);
  return fmt::format("{}: {}", text, refusal.error.message());
}

std::string choice_text(const TuneRow& row) {
  const TuneConfiguration& one = row.configuration;
  return fmt::format("{}, {}, {} lane{} of {} thread{}, batches of up to {}", one.backend, one.precision, one.lanes,
                     one.lanes == 1 ? "" : "s", one.threads, one.threads == 1 ? "" : "s", row.batch_size);
}

constexpr std::string_view next_of_named = "load with --profile FILE, or let MEDISCAN_PROFILE name it";
constexpr std::string_view next_of_default =
    "loads of this bundle on this machine go by it in what they leave open; the precision with --precision auto";

}  // namespace

std::string render_tune(const TuneReport& report, bool named, const Style& style) {
  std::string text =
      paint(style, Ink::bold, escaped(fmt::format("{} {}", report.model.name, report.model.version))) + '\n';
  text += field(style, "folder", report.directory.string());
  text += field(style, "machine",
                fmt::format("{} ({}), {} thread{} (from {})", report.cpu,
                            report.cpu_features.empty() ? "none of avx2, bf16, vnni"
                                                        : fmt::format("{}", fmt::join(report.cpu_features, ", ")),
                            report.threads, report.threads == 1 ? "" : "s", report.threads_source));
  text += field(style, "library", "MediScan " + report.library_version);
  text += field(style, "measured",
                fmt::format("{}, the network alone, medians of {} round{} in {:.1f} s", report.made, report.rounds,
                            report.rounds == 1 ? "" : "s", report.seconds));
  if (report.load_average > busy * report.threads) {
    text += field(style, "note",
                  fmt::format("other programs ran before this (load average {:.1f}): measure again when "
                              "the machine is quiet",
                              report.load_average),
                  Ink::yellow);
  }
  text += '\n' + table(report, style) + '\n';
  for (const TuneRefusal& refusal : report.refused) {
    text += field(style, "does not serve", refusal_text(refusal), Ink::dim, 2, 16);
  }
  text += field(style, "for latency", choice_text(report.rows.at(report.best_latency)), Ink::plain, 2, 16);
  text += field(style, "for throughput", choice_text(report.rows.at(report.best_throughput)), Ink::plain, 2, 16);
  if (report.profile.empty()) {
    text += field(style, "profile", "none was written", Ink::plain, 2, 16);
  } else {
    text += field(style, "profile", fmt::format("{}, for {}", report.profile.string(), name_of(report.goal)),
                  Ink::plain, 2, 16);
    text += field(style, "next", named ? next_of_named : next_of_default, Ink::plain, 2, 16);
  }
  return text + paragraph(style, 2, research_notice, Ink::dim);
}

}  // namespace mediscan::cli
