#include "cli/render_status.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/layout.hpp"
#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

std::string backend_title(const BackendInfo& backend) {
  return backend.version.empty() ? backend.name : fmt::format("{} {}", backend.name, backend.version);
}

std::string backend_block(const BackendInfo& backend, const Style& style) {
  if (!backend.available) {
    return field(style, backend_title(backend), "not available: " + backend.reason, Ink::yellow);
  }
  std::string text =
      field(style, backend_title(backend), backend.simulated ? "simulated scores, only when asked for" : "available",
            backend.simulated ? Ink::plain : Ink::green);
  for (const auto& device : backend.devices) {
    std::string value = device.usable ? device.detail : "not usable: " + device.detail;
    if (device.usable) value += fmt::format("{}{}", value.empty() ? "" : "; ", fmt::join(device.precisions, ", "));
    text += field(style, device.name, value, device.usable ? Ink::plain : Ink::dim, 4, 12);
  }
  return text;
}

Ink ink_of(ModelState state) {
  if (state == ModelState::ready) return Ink::green;
  return state == ModelState::failed ? Ink::red : Ink::yellow;
}

std::string self_test_text(const SelfTestRecord& record) {
  if (!record.run) return "not run: scores are simulated";
  return fmt::format("passed, largest difference {:.2g} of {:.2g} allowed", record.largest_difference,
                     record.tolerance);
}

std::string threads_text(const ModelStatus& status) {
  return fmt::format("{} lane{} of {} thread{}", status.lanes, status.lanes == 1 ? "" : "s", status.threads,
                     status.threads == 1 ? "" : "s");
}

std::string execution_text(const ModelStatus& status, const Style& style) {
  const ExecutionRecord& execution = status.execution;
  const std::string backend = execution.backend_version.empty()
                                  ? execution.backend
                                  : fmt::format("{} {}", execution.backend, execution.backend_version);
  const auto between = separator(style);
  return fmt::format("{}{}{}{}{}{}{}{}batches of up to {}", backend, between, execution.device, between,
                     execution.precision, between, threads_text(status), between, execution.batch_size);
}

}  // namespace

std::string render_system(const SystemReport& report, const Style& style) {
  std::string text = paint(style, Ink::bold, "MediScan " + escaped(report.library_version)) + '\n';
  text += field(style, "decoders", fmt::format("{}", fmt::join(report.decoders, ", ")));
  text += field(style, "resizer", report.simd);
  text += field(style, "threads", fmt::format("{} (from {})", report.threads, report.threads_source));
  text += field(style, "memory", size_text(report.resident_bytes) + " resident");
  text += '\n' + paint(style, Ink::bold, "Backends") + '\n';
  for (const auto& backend : report.backends) text += backend_block(backend, style);
  return text;
}

std::string render_model(const ModelStatus& status, const Style& style) {
  const std::string title = status.model.name.empty() ? status.directory.string()
                                                      : fmt::format("{} {}", status.model.name, status.model.version);
  std::string text = paint(style, Ink::bold, escaped(title)) + '\n';
  text += field(style, "state", name_of(status.state), ink_of(status.state));
  if (!status.reason.empty()) text += field(style, "reason", status.reason);
  text += field(style, "folder", status.directory.string());
  if (status.state != ModelState::ready) return text;
  if (status.execution.simulated) {
    text += field(style, "scores", style.color ? " SIMULATED " : "*** SIMULATED ***", Ink::loud);
    if (status.execution.fallback_reason) text += field(style, "why", *status.execution.fallback_reason);
  }
  text += field(style, "domain", name_of(status.model.domain));
  text += field(style, "weights hash", status.model.sha256);
  text += field(style, "runs on", execution_text(status, style));
  if (status.execution.precision_reason) text += field(style, "not faster", *status.execution.precision_reason);
  if (status.execution.profile_reason) {
    text += field(style, "chosen", *status.execution.profile_reason);
    text += field(style, "profile", status.profile.string());
  }
  for (const Warning& warning : status.warnings) text += field(style, "warning", warning.message, Ink::yellow);
  text += field(style, "self-test", self_test_text(status.self_test));
  text += field(style, "loaded in", duration_text(status.load_ms));
  return text;
}

}  // namespace mediscan::cli
