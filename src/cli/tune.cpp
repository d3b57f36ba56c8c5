// `mediscan tune`: measures what serves a bundle fastest here, and writes the profile that loads go by.
#include <fmt/format.h>

#include <map>
#include <mediscan/tune.hpp>
#include <optional>

#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "cli/render_result.hpp"
#include "cli/render_tune.hpp"

namespace mediscan::cli {
namespace {

constexpr std::string_view examples =
    "Examples:\n"
    "  mediscan tune models/skin-demo\n"
    "  mediscan tune models/skin-demo --goal throughput --seconds 60\n"
    "  mediscan tune models/skin-demo --no-profile --json | jq .rows\n\n"
    "Measures every backend, precision and split of the threads that serves the bundle on this machine,\n"
    "and writes a profile: loads of this bundle on this machine go by it in what they leave open, the\n"
    "precision only with --precision auto. Let nothing else run meanwhile.\n"
    "Exit codes: 0 done, 1 the profile could not be written, 2 usage, 3 no usable model or backend.\n";

struct Options {
  std::filesystem::path model;
  TuneOptions tune;
  ManagerOptions manager;  // threads and LibTorch
  bool no_profile = false;
  bool json = false;
  bool quiet = false;
  bool no_progress = false;
};

std::optional<Options> parse_options(const Arguments& arguments, Streams& streams) {
  Options options;
  CLI::App app;
  set_up(app, "tune", "Measures what serves a bundle fastest on this machine, and lets loads go by it.",
         std::string(examples));
  const std::map<std::string, TuneGoal> goals = {{std::string(name_of(TuneGoal::latency)), TuneGoal::latency},
                                                 {std::string(name_of(TuneGoal::throughput)), TuneGoal::throughput}};
  app.add_option("-m,--model,BUNDLE", options.model, "Bundle folder")->option_text("DIR");
  app.add_option_function<std::string>(
         "--goal", [&](const std::string& word) { options.tune.goal = goals.at(word); },
         "What the profile makes best: latency (of one picture; unless told) or throughput")
      ->check(CLI::IsMember(goals).description(""))
      ->option_text("NAME");
  app.add_option("--seconds", options.tune.seconds, "How long to measure, 0.1 to 3600; 20 unless told")
      ->option_text("N");
  app.add_option("--backend", options.tune.backend, "auto (every real one), or one by its name")->option_text("NAME");
  app.add_option("--max-batch", options.tune.max_batch, "Largest batch size tried, 1 to 64; 8 unless told")
      ->option_text("N");
  app.add_option("--max-lanes", options.tune.max_lanes, "Most lanes tried, 1 to 64; 8 unless told")->option_text("N");
  CLI::Option* profile =
      app.add_option("--profile", options.tune.profile, "File to write; else the place where loads look")
          ->option_text("FILE");
  app.add_flag("--no-profile", options.no_profile, "Measure only, write no profile")
      ->excludes(profile)
      ->option_text(" ");
  app.add_flag("--json", options.json, "The report as JSON");
  app.add_flag("-q,--quiet", options.quiet, "No notes on standard error; errors still are");
  app.add_flag("--no-progress", options.no_progress, "No progress line on standard error");
  add_manager_options(app, options.manager);
  if (!parse(app, arguments, streams.out)) return std::nullopt;
  if (options.model.empty()) throw UsageError("no bundle is named", "name its folder, e.g. models/skin-demo");
  options.model = bundle_folder(options.model);
  options.tune.threads = options.manager.threads;
  options.tune.libtorch = options.manager.libtorch;
  options.tune.write_profile = !options.no_profile;
  return options;
}

Exit exit_of(const Error& error) {
  if (error.code() == ErrorCode::invalid_argument) return Exit::usage;
  return error.stage() == Stage::result ? Exit::some_failed : Exit::nothing_usable;
}

}  // namespace

Exit run_tune(const Arguments& arguments, Streams& streams) {
  auto options = parse_options(arguments, streams);
  if (!options) return Exit::ok;
  Progress progress(streams.err, !options->quiet, !options->quiet && !options->no_progress);
  options->tune.progress = [&](std::string_view phase, double done) {
    progress.show(fmt::format("{}: {:.0f} %", phase, 100 * done));
  };
  try {
    const TuneReport report = tune(options->model, options->tune);
    progress.clear();
    streams.out.write(options->json ? to_json(report, 2) + '\n'
                                    : render_tune(report, !options->tune.profile.empty(), streams.out.style()));
    return Exit::ok;
  } catch (const Error& error) {
    progress.clear();
    streams.err.try_write(render_error(error, streams.err.style()));
    return exit_of(error);
  }
}

}  // namespace mediscan::cli
