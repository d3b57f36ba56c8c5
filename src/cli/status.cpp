// `mediscan status`: what is here, and whether the named models load.
#include <fmt/format.h>

#include <algorithm>
#include <mediscan/model_manager.hpp>
#include <mediscan/system.hpp>
#include <optional>

#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "cli/render_result.hpp"
#include "cli/render_status.hpp"
#include "cli/sequence.hpp"

namespace mediscan::cli {
namespace {

constexpr std::string_view examples =
    "Examples:\n"
    "  mediscan status\n"
    "  mediscan status --model models/skin-demo --model models/chest-demo\n"
    "  mediscan status --json | jq .system.threads\n\n"
    "Exit codes: 0 all models load, 2 usage, 3 a model does not.\n";

struct Options {
  std::vector<std::filesystem::path> models;
  LoadOptions load;
  ManagerOptions manager;
  bool json = false;
};

std::optional<Options> parse_options(const Arguments& arguments, Streams& streams) {
  Options options;
  CLI::App app;
  set_up(app, "status", "Shows backends, decoders and threads; loads the models named and shows their state.",
         std::string(examples));
  app.add_option("-m,--model", options.models, "Bundle folder to load and self-test; may be given several times")
      ->option_text("DIR")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--json", options.json, "As JSON: {\"system\": ..., \"models\": [...]}");
  add_run_options(app, options.load, options.manager);
  if (!parse(app, arguments, streams.out)) return std::nullopt;
  return options;
}

/// A model that did not load, with what is known of it.
ModelStatus failed_status(const ModelManager& manager, const std::filesystem::path& folder, const Error& error) {
  std::error_code ignored;
  const auto canonical = std::filesystem::weakly_canonical(folder, ignored);
  const auto all = manager.status();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const ModelStatus& status) { return status.directory == canonical; });
  ModelStatus status = found == all.end() ? ModelStatus{} : *found;
  status.state = ModelState::failed;
  status.directory = folder;
  status.reason = fmt::format("{} ({})", error.message(), name_of(error.code()));
  if (!error.hint().empty()) status.reason += "; " + error.hint();
  return status;
}

std::vector<ModelStatus> load_all(ModelManager& manager, const Options& options, Progress& progress) {
  std::vector<ModelStatus> statuses;
  for (const auto& model : options.models) {
    const auto folder = bundle_folder(model);
    progress.show(fmt::format("loading {}", folder.string()));
    try {
      statuses.push_back(manager.load(folder, options.load).status());
    } catch (const Error& error) {
      statuses.push_back(failed_status(manager, folder, error));
    }
  }
  progress.clear();
  return statuses;
}

std::string json_of(const SystemReport& report, const std::vector<ModelStatus>& models) {
  std::string list;
  for (const auto& model : models) list += (list.empty() ? "" : ", ") + to_json(model);
  return fmt::format("{{\"system\": {}, \"models\": [{}]}}\n", to_json(report), list);
}

std::string text_of(const SystemReport& report, const std::vector<ModelStatus>& models, const Style& style) {
  std::string text = render_system(report, style);
  for (const auto& model : models) text += '\n' + render_model(model, style);
  return text;
}

}  // namespace

Exit run_status(const Arguments& arguments, Streams& streams) {
  const auto options = parse_options(arguments, streams);
  if (!options) return Exit::ok;
  Progress progress(streams.err, true, true);
  ModelManager manager(options->manager);
  const auto models = load_all(manager, *options, progress);
  const SystemReport report = system_report(options->manager);  // after the loads, so that memory has them in it
  streams.out.write(options->json ? json_of(report, models) : text_of(report, models, streams.out.style()));
  const bool all_ready =
      std::all_of(models.begin(), models.end(), [](const ModelStatus& s) { return s.state == ModelState::ready; });
  return all_ready ? Exit::ok : Exit::nothing_usable;
}

}  // namespace mediscan::cli
