// `mediscan quantize`: a float32 bundle and calibration pictures in, an int8 bundle out.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <mediscan/quantize.hpp>
#include <optional>

#include "cli/commands.hpp"
#include "cli/inputs.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "cli/render_quantize.hpp"
#include "cli/render_result.hpp"

namespace mediscan::cli {
namespace {

constexpr std::string_view examples =
    "Examples:\n"
    "  mediscan quantize --model models/skin-demo --out skin-demo-int8 pictures/\n"
    "  mediscan quantize -m models/skin-demo -o skin-demo-int8 --method entropy -r pictures/\n\n"
    "The new bundle is loaded in int8 and compared with fp32 on those pictures before it appears; when\n"
    "they do not agree nothing is written. Take a hundred pictures or more, of the model's own kind, and\n"
    "judge the model on others.\n"
    "Exit codes: 0 all done, 1 some pictures could not be used, int8 does not agree or the bundle could\n"
    "not be written, 2 usage, 3 no usable model or backend.\n";

struct Options {
  std::filesystem::path model;
  std::filesystem::path destination;
  std::vector<std::string> inputs;
  bool recursive = false;
  QuantizeOptions quantize;
  ManagerOptions manager;  // threads and LibTorch
  bool json = false;
  bool quiet = false;
  bool no_progress = false;
};

/// "auto", "none" or a number.
std::optional<std::uint32_t> keep_higher_of(const std::string& word) {
  if (word == "auto") return std::nullopt;
  if (word == "none") return 0;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || end != word.data() + word.size()) {
    throw UsageError(fmt::format("--keep-higher is \"{}\", expected auto, none or a number", word),
                     "leave it out for as few layers as the agreement needs");
  }
  return number;
}

void add_calibration_options(CLI::App& app, QuantizeOptions& quantize) {
  std::map<std::string, Calibration> methods;
  for (const Calibration each :
       {Calibration::min_max, Calibration::percentile, Calibration::mse, Calibration::entropy}) {
    methods.emplace(name_of(each), each);
  }
  app.add_option_function<std::string>(
         "--method", [&quantize, methods](const std::string& word) { quantize.calibration = methods.at(word); },
         "How ranges are chosen: mse (unless told), entropy, percentile or min_max")
      ->check(CLI::IsMember(methods).description(""))
      ->option_text("NAME");
  app.add_option("--percentile", quantize.percentile, "Of --method percentile: 99.99 unless told")->option_text("P");
  app.add_option_function<std::string>(
         "--keep-higher", [&quantize](const std::string& word) { quantize.keep_higher = keep_higher_of(word); },
         "Sensitive layers to keep in fp32: auto (unless told: as few as the agreement needs), none, or how many")
      ->option_text("auto|none|N");
  app.add_option("--tolerance", quantize.probability_tolerance,
                 "How far the self-test's probabilities may be from fp32's; 0.02 unless told")
      ->option_text("X");
  app.add_option("--min-agreement", quantize.min_agreement,
                 "Share of the decisions that must be as at fp32; 0.95 unless told, 0.98 of a multilabel model's")
      ->option_text("X");
}

std::optional<Options> parse_options(const Arguments& arguments, Streams& streams) {
  Options options;
  CLI::App app;
  set_up(app, "quantize", "Makes an int8 bundle of a float32 one, with pictures to calibrate by.",
         std::string(examples));
  app.add_option("INPUT", options.inputs, "Calibration pictures: files, folders or globs")->option_text("...");
  app.add_option("-m,--model", options.model, "Bundle folder to quantise")->option_text("DIR");
  app.add_option("-o,--out", options.destination, "Folder to write, which must not exist")->option_text("DIR");
  app.add_flag("-r,--recursive", options.recursive, "Also look in the subfolders of folders");
  app.add_flag("--json", options.json, "The report as JSON, every layer in it");
  app.add_flag("-q,--quiet", options.quiet, "No notes on standard error; errors still are");
  app.add_flag("--no-progress", options.no_progress, "No progress line on standard error");
  add_calibration_options(app, options.quantize);
  add_manager_options(app, options.manager);
  add_decode_options(app, options.quantize.decode);
  if (!parse(app, arguments, streams.out)) return std::nullopt;
  if (options.model.empty()) throw UsageError("no model is named", "add --model DIR, e.g. --model models/skin-demo");
  if (options.destination.empty()) throw UsageError("no place for the new bundle is named", "add --out DIR");
  if (options.inputs.empty()) {
    throw UsageError("no calibration picture is named",
                     "name files, folders or globs of pictures of the model's own kind");
  }
  if (std::ranges::find(options.inputs, "-") != options.inputs.end()) {
    throw UsageError("\"-\" is not for quantize, which reads every picture more than once", "name files or folders");
  }
  options.model = bundle_folder(options.model);
  options.quantize.threads = options.manager.threads;
  options.quantize.libtorch = options.manager.libtorch;
  return options;
}

/// What exit code a failure of the whole run has: 3 for what a load of the bundle would fail with, too.
Exit exit_of(const Error& error) {
  if (error.code() == ErrorCode::invalid_argument) return Exit::usage;
  if (error.code() == ErrorCode::self_test_failed) return Exit::some_failed;
  const bool loading =
      error.stage() == Stage::bundle || error.stage() == Stage::backend || error.stage() == Stage::model;
  return loading ? Exit::nothing_usable : Exit::some_failed;
}

}  // namespace

Exit run_quantize(const Arguments& arguments, Streams& streams) {
  auto options = parse_options(arguments, streams);
  if (!options) return Exit::ok;
  Progress progress(streams.err, !options->quiet, !options->quiet && !options->no_progress);
  const auto complain = [&](const Error& error) {
    progress.clear();
    streams.err.try_write(render_error(error, streams.err.style()));
  };
  bool failed = false;
  std::vector<std::filesystem::path> pictures;
  for (const Input& input : expand_inputs(options->inputs, options->recursive).items) {
    if (input.error) {
      failed = true;
      complain(*input.error);
    } else {
      pictures.push_back(input.path);
    }
  }
  options->quantize.progress = [&](std::string_view phase, double done) {
    progress.show(fmt::format("{}: {:.0f} %", phase, 100 * done));
  };
  try {
    const QuantizeReport report = quantize(options->model, options->destination, pictures, options->quantize);
    progress.clear();
    if (options->json) {
      streams.out.write(to_json(report, 2) + '\n');
    } else {
      for (const UnusedPicture& unused : report.unused) {
        Input input;
        input.path = unused.path;
        input.name = unused.path.string();
        complain(about_input(unused.error, input));
      }
      streams.out.write(render_quantize(report, streams.out.style()));
    }
    return failed || !report.unused.empty() ? Exit::some_failed : Exit::ok;
  } catch (const Error& error) {
    complain(error);
    return exit_of(error);
  }
}

}  // namespace mediscan::cli
