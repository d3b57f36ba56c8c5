#include "cli/render_doctor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/layout.hpp"
#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

std::string verdict(bool good, std::string_view text, const Style& style) {
  const std::string mark = style.unicode ? (good ? "✓" : "✗") : (good ? "[ok]" : "[!!]");
  std::string lines;
  std::string head = paint(style, good ? Ink::green : Ink::red, mark) + ' ';
  const std::size_t margin = style.unicode ? 2 : 5;
  for (const auto& line : wrapped(escaped(text), style.width - margin)) {
    lines += head + paint(style, Ink::bold, line) + '\n';
    head = std::string(margin, ' ');
  }
  return lines;
}

std::string probe_lines(const Probe& probe, const Style& style) {
  return paragraph(style, 4, probe.place, probe.usable ? Ink::green : Ink::plain) +
         paragraph(style, 6, probe.detail.empty() ? (probe.usable ? "usable" : "not usable") : probe.detail, Ink::dim);
}

std::string probes_block(const BackendInfo& backend, const Style& style) {
  if (backend.probes.empty()) return {};
  std::string text = paragraph(style, 2, "Places looked at, in this order:");
  for (const auto& probe : backend.probes) text += probe_lines(probe, style);
  return text;
}

std::string devices_block(const BackendInfo& backend, const Style& style) {
  std::string text;
  for (const auto& device : backend.devices) {
    std::string line =
        device.usable ? fmt::format("Runs on {}", device.name) : fmt::format("Cannot use {}", device.name);
    if (!device.detail.empty()) line += fmt::format(": {}", device.detail);
    if (device.usable && !device.precisions.empty()) line += fmt::format(" ({})", fmt::join(device.precisions, ", "));
    text += paragraph(style, 2, line);
  }
  return text;
}

/// What to do when LibTorch does not work here.
std::string remedy_block(const Style& style) {
  std::string text = paragraph(style, 2, "What you can do, whichever suits you:");
  for (const char* remedy :
       {"With Python: `pip install torch` (2.11 or newer) for the python3 you use; it is then found by itself.",
        "In a checkout of MediScan: `make setup` installs one and writes its place to .deps/libtorch.path; set "
        "MEDISCAN_LIBTORCH to that place.",
        "Have one elsewhere? `mediscan doctor --libtorch /path/to/torch/lib` tries it; the environment variable "
        "MEDISCAN_LIBTORCH makes that lasting.",
        "To try the rest of MediScan meanwhile: `--backend mock` answers with simulated scores and says so."}) {
    text += field(style, "-", remedy, Ink::plain, 4, 2);
  }
  return text;
}

/// What oneDNN is for, where there is none.
std::string onednn_block(const Style& style) {
  return field(
      style, "-",
      "Only needed where LibTorch is not, or for int8 at its fastest: `pip install onednn-cpu-gomp` (55 MB); where "
      "it is not found by itself, set MEDISCAN_ONEDNN to its folder.",
      Ink::plain, 4, 2);
}

std::string backend_block(const BackendInfo& backend, const Style& style) {
  const std::string title =
      backend.version.empty() ? backend.name : fmt::format("{} {}", backend.name, backend.version);
  if (backend.simulated) {
    return verdict(true, fmt::format("Backend {} is there for trying things out; its scores are simulated.", title),
                   style);
  }
  std::string text = backend.available
                         ? verdict(true, fmt::format("Backend {} works.", title), style)
                         : verdict(false, fmt::format("Backend {} does not work: {}", title, backend.reason), style);
  text += devices_block(backend, style);
  text += probes_block(backend, style);
  if (!backend.available && backend.name == "torch") text += remedy_block(style);
  if (!backend.available && backend.name == "onednn") text += onednn_block(style);
  return text;
}

std::string decoders_block(const SystemReport& report, const Style& style) {
  const auto has = [&](std::string_view name) {
    return std::any_of(report.decoders.begin(), report.decoders.end(),
                       [&](const std::string& decoder) { return decoder.find(name) != std::string::npos; });
  };
  std::string text = verdict(!report.decoders.empty(),
                             fmt::format("Pictures are read by {}.", fmt::join(report.decoders, ", ")), style);
  if (!has("jpeg") || !has("png")) {
    text += paragraph(
        style, 2,
        "This build lacks libjpeg-turbo and libpng. stb_image reads JPEG with differences of up to two levels from "
        "Pillow; build with MEDISCAN_WITH_TURBO=ON for the very pixels.");
  }
  return text;
}

std::string conclusion(const SystemReport& report, const Style& style) {
  if (has_real_backend(report)) return paragraph(style, 0, "All is well: analyses here are real.", Ink::bold);
  return paragraph(style, 0, "No real backend works here, so no real analysis can be made until that is mended.",
                   Ink::bold);
}

}  // namespace

bool has_real_backend(const SystemReport& report) {
  return std::any_of(report.backends.begin(), report.backends.end(),
                     [](const BackendInfo& backend) { return backend.available && !backend.simulated; });
}

std::string render_doctor(const SystemReport& report, const Style& style) {
  std::string text =
      paint(style, Ink::bold, fmt::format("MediScan {} on this machine", escaped(report.library_version))) + "\n\n";
  for (const auto& backend : report.backends) text += backend_block(backend, style) + '\n';
  text += decoders_block(report, style) + '\n';
  text += verdict(true,
                  fmt::format("Up to {} thread{} for the network (from {}); pictures are resized with {}.",
                              report.threads, report.threads == 1 ? "" : "s", report.threads_source, report.simd),
                  style);
  return text + '\n' + conclusion(report, style);
}

}  // namespace mediscan::cli
