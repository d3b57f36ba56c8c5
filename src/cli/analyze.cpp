// `mediscan analyze`: pictures in, findings out, a batch at a time so that memory does not grow with the number of
// pictures.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <mediscan/analyzer.hpp>
#include <optional>
#include <span>

#include "cli/commands.hpp"
#include "cli/inputs.hpp"
#include "cli/layout.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "cli/render_result.hpp"
#include "cli/result_writer.hpp"
#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

constexpr std::size_t largest_chunk = 8;

constexpr std::string_view examples =
    "Examples:\n"
    "  mediscan analyze --model models/skin-demo lesion.jpg\n"
    "  mediscan analyze --model models/chest-demo -r pictures/ 'more/*.png'\n"
    "  mediscan analyze --model models/skin-demo --jsonl pictures/ > findings.jsonl\n"
    "  curl -s https://host/lesion.jpg | mediscan analyze --model models/skin-demo -\n"
    "  mediscan analyze --model models/skin-demo --backend mock lesion.jpg   (simulated scores)\n\n"
    "--json gives one object for a single file or -, an array otherwise. An input that fails has\n"
    "its error in its place. Sizes take K, M, G, KiB, MiB, GiB.\n"
    "Exit codes: 0 all done, 1 some inputs failed (the rest are printed), 2 usage, 3 no usable\n"
    "model or backend. Research use only, not a medical device.\n";

struct Options {
  std::filesystem::path model;
  std::vector<std::string> inputs;
  bool recursive = false;
  LoadOptions load;
  ManagerOptions manager;
  DecodeOptions decode;
  std::size_t shown = 10;
  Format format = Format::human;
  bool quiet = false;
  bool no_progress = false;
};

void add_format_options(CLI::App& app, Options& options, bool& all) {
  CLI::Option* top = app.add_option("--top", options.shown,
                                    "Findings shown of each picture, 10 unless told; not for --json and the like")
                         ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}).description(""))
                         ->option_text("N");
  CLI::Option* every = app.add_flag("--all", all, "Show every finding")->excludes(top)->option_text(" ");
  const auto add = [&](const std::string& name, Format format, const std::string& description) {
    return app
        .add_flag_callback(
            name, [&options, format] { options.format = format; }, description)
        ->option_text(" ");
  };
  CLI::Option* json = add("--json", Format::json, "Results as JSON");
  CLI::Option* jsonl = add("--jsonl", Format::jsonl, "Results as JSON, one picture a line");
  CLI::Option* csv = add("--csv", Format::csv, "Results as CSV, one finding a line");
  json->excludes(jsonl)->excludes(csv)->excludes(top)->excludes(every);
  jsonl->excludes(csv)->excludes(top)->excludes(every);
  csv->excludes(top)->excludes(every);
  top->option_text("N");
}

/// nullopt when only help was wanted.
std::optional<Options> parse_options(const Arguments& arguments, Streams& streams) {
  Options options;
  bool all = false;
  CLI::App app;
  set_up(app, "analyze", "Runs a model over pictures and prints its findings.", std::string(examples));
  app.add_option("INPUT", options.inputs, "Files, folders, globs, or - for standard input")->option_text("...");
  app.add_option("-m,--model", options.model, "Bundle folder; else what MEDISCAN_MODEL names")->option_text("DIR");
  app.add_flag("-r,--recursive", options.recursive, "Also look in the subfolders of folders");
  add_format_options(app, options, all);
  app.add_flag("-q,--quiet", options.quiet, "No notes on standard error; errors still are");
  app.add_flag("--no-progress", options.no_progress, "No progress line on standard error");
  add_run_options(app, options.load, options.manager);
  add_decode_options(app, options.decode);
  app.add_flag("--fast-decode", options.decode.fast_decode,
               "Decode large JPEGs smaller where the model shrinks them anyway: faster, scores may differ slightly");
  if (!parse(app, arguments, streams.out)) return std::nullopt;
  if (all) options.shown = std::numeric_limits<std::size_t>::max();
  return options;
}

void complete(Options& options, const Streams& streams) {
  if (options.model.empty()) {
    const char* model = std::getenv("MEDISCAN_MODEL");
    if (model == nullptr || *model == '\0') {
      throw UsageError("no model is named",
                       "add --model DIR, e.g. --model models/skin-demo, or set MEDISCAN_MODEL to the folder");
    }
    options.model = model;
  }
  options.model = bundle_folder(options.model);
  if (options.inputs.empty()) {
    throw UsageError("no picture is named", "name files, folders or globs, or - for a picture on standard input");
  }
  const bool standard_input = std::find(options.inputs.begin(), options.inputs.end(), "-") != options.inputs.end();
  if (standard_input && ::isatty(streams.in) == 1) {
    throw UsageError("\"-\" reads a picture from standard input, and that is the keyboard",
                     "pipe a picture into it: mediscan analyze ... - < lesion.jpg");
  }
}

/// A picture on its way: its bytes, or the error that stands in their place.
struct Slot {
  const Input* input;
  std::vector<std::byte> bytes;
  std::optional<Error> error;
};

class Run {
 public:
  Run(const Options& options, const Inputs& inputs, Streams& streams, Progress& progress)
      : options_(options),
        inputs_(inputs),
        streams_(streams),
        progress_(progress),
        writer_(streams, options.format, inputs.single, options.shown) {}

  Exit over(const Analyzer& analyzer) {
    writer_.begin();
    const std::span<const Input> items(inputs_.items);
    const auto chunk = static_cast<std::size_t>(options_.load.max_batch);
    for (std::size_t first = 0; first < items.size(); first += chunk) {
      analyze_chunk(analyzer, items.subspan(first, std::min(chunk, items.size() - first)));
    }
    progress_.clear();
    writer_.end();
    if (failed_ > 0 && items.size() > 1) progress_.note(fmt::format("{} of {} inputs failed", failed_, items.size()));
    return failed_ > 0 ? Exit::some_failed : Exit::ok;
  }

 private:
  void analyze_chunk(const Analyzer& analyzer, std::span<const Input> inputs) {
    std::vector<Slot> slots;  // the only pictures in the process
    for (const auto& input : inputs) slots.push_back(read(input));
    std::vector<EncodedPicture> pictures;
    for (const auto& slot : slots) {
      if (!slot.error) pictures.push_back({slot.bytes, slot.input->name});
    }
    const auto outcomes = analyzer.analyze_encoded_batch(pictures, {.decode = options_.decode});
    std::size_t next = 0;
    for (const auto& slot : slots) {
      if (slot.error) {
        fail(*slot.error, *slot.input);
      } else {
        report(outcomes[next++], *slot.input);
      }
    }
  }

  Slot read(const Input& input) {
    ++seen_;
    if (inputs_.items.size() > 1) progress_.show(fmt::format("[{}/{}] {}", seen_, inputs_.items.size(), input.name));
    try {
      return {&input, read_bytes(input, options_.decode.limits, streams_.in), std::nullopt};
    } catch (const Error& error) {
      return {&input, {}, error};
    }
  }

  void report(const Outcome<Result>& outcome, const Input& input) {
    if (!outcome) {
      fail(about_input(outcome.error(), input), input);
      return;
    }
    progress_.clear();
    Result result = outcome.value();
    result.input.name = recorded_name(input);
    writer_.result(result);
  }

  void fail(const Error& error, const Input& input) {
    ++failed_;
    progress_.clear();
    writer_.error(error, recorded_name(input));
  }

  /// The whole path, since two folders may hold files of one name. JSON must be UTF-8, file names need not be.
  [[nodiscard]] std::string recorded_name(const Input& input) const {
    const bool json = options_.format == Format::json || options_.format == Format::jsonl;
    return json ? valid_utf8(input.name) : input.name;
  }

  const Options& options_;
  const Inputs& inputs_;
  Streams& streams_;
  Progress& progress_;
  ResultWriter writer_;
  std::size_t seen_ = 0;
  std::size_t failed_ = 0;
};

}  // namespace

Exit run_analyze(const Arguments& arguments, Streams& streams) {
  auto options = parse_options(arguments, streams);
  if (!options) return Exit::ok;
  complete(*options, streams);
  const Inputs inputs = expand_inputs(options->inputs, options->recursive);
  // No batch larger than there are pictures: every size up to it is warmed at load.
  options->load.max_batch = static_cast<int>(std::bit_ceil(std::min(largest_chunk, inputs.items.size())));
  if (inputs.items.size() == 1 && options->load.lanes == 0) options->load.lanes = 1;  // a second would find no work

  Progress progress(streams.err, !options->quiet, !options->quiet && !options->no_progress);
  options->manager.log = [&progress](LogLevel level, std::string_view message) {
    if (level >= LogLevel::warning) progress.note(message);
  };
  ModelManager manager(options->manager);
  std::optional<Model> model;
  try {
    progress.show(fmt::format("loading {}", options->model.string()));
    model = manager.load(options->model, options->load);
  } catch (const Error& error) {
    progress.clear();
    streams.err.try_write(render_error(error, streams.err.style()));
    return error.code() == ErrorCode::invalid_argument ? Exit::usage : Exit::nothing_usable;
  }
  return Run(*options, inputs, streams, progress).over(Analyzer(*model));
}

}  // namespace mediscan::cli
