// Picks the subcommand and answers --help and --version.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mediscan/result.hpp>
#include <new>

#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "cli/render_result.hpp"
#include "cli/text.hpp"

namespace mediscan::cli {
namespace {

struct Command {
  std::string_view name;
  std::string_view purpose;
  Exit (*run)(const Arguments&, Streams&);
};

constexpr std::array<Command, 6> commands = {{
    {"analyze", "Run a model over pictures and print its findings", run_analyze},
    {"inspect", "Describe a picture or a model bundle", run_inspect},
    {"quantize", "Make an int8 bundle of a float32 one", run_quantize},
    {"tune", "Measure what serves a bundle fastest here, and let loads go by it", run_tune},
    {"status", "Show backends, threads and the state of models", run_status},
    {"doctor", "Find out why something does not work, and what to do", run_doctor},
}};

std::string version_text() { return fmt::format("mediscan {}\n{}\n", library_version(), research_notice); }

std::string help_text() {
  std::string text =
      "MediScan reads medical pictures and prints a model's findings with a true record of what ran.\n\n";
  text += "Usage: mediscan COMMAND [OPTIONS] ...\n\nCommands:\n";
  for (const auto& command : commands) text += fmt::format("  {:<10} {}\n", command.name, command.purpose);
  text +=
      "\nOptions:\n"
      "  --help     This text; `mediscan COMMAND --help` explains a command\n"
      "  --version  The version\n"
      "\nExamples:\n"
      "  mediscan analyze --model models/skin-demo lesion.jpg\n"
      "  mediscan analyze --model models/chest-demo --jsonl -r pictures/ > findings.jsonl\n"
      "  mediscan doctor\n"
      "\nExit codes: 0 all done, 1 some inputs failed (the rest are printed), 2 usage, 3 no usable model or backend.\n";
  return text + fmt::format("\n{}\n", research_notice);
}

Exit dispatch(const Arguments& arguments, Streams& streams) {
  if (arguments.empty()) {
    streams.err.try_write(help_text());
    return Exit::usage;
  }
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    streams.out.write(help_text());
    return Exit::ok;
  }
  if (name == "--version" || name == "-V" || name == "version") {
    streams.out.write(version_text());
    return Exit::ok;
  }
  const auto* const found =
      std::find_if(commands.begin(), commands.end(), [&](const Command& command) { return command.name == name; });
  if (found != commands.end()) return found->run({arguments.begin() + 1, arguments.end()}, streams);
  throw UsageError(
      name.starts_with('-') ? fmt::format("{} does not go before a command", name)
                            : fmt::format("there is no command \"{}\"", name),
      "the commands are analyze, inspect, quantize, tune, status and doctor; `mediscan --help` explains them");
}

}  // namespace

Exit run_command(const Arguments& arguments, Streams& streams) {
  try {
    return dispatch(arguments, streams);
  } catch (const UsageError& error) {
    streams.err.try_write(render_usage_error(error, streams.err.style()));
    return Exit::usage;
  } catch (const Error& error) {
    streams.err.try_write(render_error(error, streams.err.style()));
    return error.code() == ErrorCode::invalid_argument ? Exit::usage : Exit::some_failed;
  } catch (const std::bad_alloc&) {
    const Error error(ErrorCode::out_of_memory, Stage::argument, "out of memory",
                      "analyse fewer or smaller pictures at once");
    streams.err.try_write(render_error(error, streams.err.style()));
    return Exit::some_failed;
  }
}

}  // namespace mediscan::cli
