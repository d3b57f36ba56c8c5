// `mediscan inspect`: what a picture or a bundle is, without running anything over it.
#include <mediscan/bundle.hpp>
#include <mediscan/image.hpp>
#include <mediscan/system.hpp>
#include <optional>

#include "cli/commands.hpp"
#include "cli/inputs.hpp"
#include "cli/options.hpp"
#include "cli/render_bundle.hpp"
#include "cli/render_image.hpp"
#include "cli/render_result.hpp"
#include "cli/sequence.hpp"
#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view examples =
    "Examples:\n"
    "  mediscan inspect lesion.jpg\n"
    "  mediscan inspect models/skin-demo\n"
    "  mediscan inspect --json models/skin-demo lesion.jpg\n\n"
    "A bundle's weights are read and their hashes compared with the manifest's. With --json one path gives\n"
    "one object, several an array; what cannot be read has its error in its place.\n"
    "Exit codes: 0 all in order, 1 something is not, 2 usage.\n";

struct Options {
  std::vector<std::string> paths;
  DecodeOptions decode;
  bool json = false;
};

std::optional<Options> parse_options(const Arguments& arguments, Streams& streams) {
  Options options;
  CLI::App app;
  set_up(app, "inspect", "Describes pictures and model bundles.", std::string(examples));
  app.add_option("PATH", options.paths, "Pictures, or bundle folders, or - for a picture on standard input")
      ->option_text("...");
  app.add_flag("--json", options.json, "Descriptions as JSON");
  add_decode_options(app, options.decode);
  if (!parse(app, arguments, streams.out)) return std::nullopt;
  if (options.paths.empty())
    throw UsageError("no picture or bundle is named", "name a picture file or a bundle's folder");
  return options;
}

bool is_bundle(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) || fs::path(path).filename() == "mediscan.json";
}

/// The weights files one by one, each read and hashed.
std::vector<WeightsCheck> check_weights(const Bundle& bundle) {
  std::vector<WeightsCheck> checks;
  for (const auto& file : bundle.weights) {
    WeightsCheck check;
    check.file = file.file;
    std::error_code missing;
    const auto size = fs::file_size(bundle.directory / file.file, missing);
    if (!missing) check.bytes = size;
    Bundle one = bundle;
    one.weights = {file};
    try {
      verify_weights(one);
    } catch (const Error& error) {
      check.problem = error.message();
      if (!error.hint().empty()) *check.problem += " (" + error.hint() + ")";
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

class Inspection {
 public:
  Inspection(const Options& options, Streams& streams)
      : options_(options),
        streams_(streams),
        json_(streams.out, options.paths.size() == 1 ? Frame::none : Frame::array) {}

  Exit over_all() {
    if (options_.json) json_.begin();
    for (const auto& path : options_.paths) {
      try {
        is_bundle(path) ? bundle(path) : picture(path);
      } catch (const Error& error) {
        fail(error, path);
      }
    }
    if (options_.json) json_.end();
    return failed_ ? Exit::some_failed : Exit::ok;
  }

 private:
  void bundle(const std::string& path) {
    const Bundle bundle = Bundle::read(bundle_folder(path));
    if (options_.json) {
      verify_weights(bundle);
      json_.item(to_json(bundle, json_.indent()));
      return;
    }
    const auto weights = check_weights(bundle);
    for (const auto& check : weights) failed_ = failed_ || check.problem.has_value();
    write(render_bundle(bundle, weights, streams_.out.style()));
  }

  void picture(const std::string& path) {
    Input input;
    input.name = path == "-" ? "stdin" : path;
    input.path = path;
    input.standard_input = path == "-";
    const Image image = read_picture(input, options_.decode, streams_.in);
    if (options_.json) {
      json_.item(to_json(image, json_.indent()));
    } else {
      write(render_image(facts_of(image), input.name, streams_.out.style()));
    }
  }

  void write(const std::string& text) {
    streams_.out.write(first_ ? text : '\n' + text);
    first_ = false;
  }

  void fail(const Error& error, const std::string& path) {
    failed_ = true;
    if (options_.json) {
      json_.item(to_json(error, valid_utf8(path), json_.indent()));
    } else {
      streams_.err.try_write(render_error(error, streams_.err.style()));
    }
  }

  const Options& options_;
  Streams& streams_;
  JsonSequence json_;
  bool first_ = true;
  bool failed_ = false;
};

}  // namespace

Exit run_inspect(const Arguments& arguments, Streams& streams) {
  const auto options = parse_options(arguments, streams);
  return options ? Inspection(*options, streams).over_all() : Exit::ok;
}

}  // namespace mediscan::cli
