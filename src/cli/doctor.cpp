// `mediscan doctor`: why something does not work, and what to do about it.
#include <mediscan/system.hpp>
#include <optional>

#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "cli/render_doctor.hpp"

namespace mediscan::cli {
namespace {

constexpr std::string_view examples =
    "Examples:\n"
    "  mediscan doctor\n"
    "  mediscan doctor --libtorch /opt/libtorch/lib\n"
    "  mediscan doctor --json\n\n"
    "Exit codes: 0 a real backend works, 2 usage, 3 none does.\n";

}  // namespace

Exit run_doctor(const Arguments& arguments, Streams& streams) {
  ManagerOptions manager;
  bool json = false;
  CLI::App app;
  set_up(app, "doctor", "Examines this machine: backends, where LibTorch was looked for, decoders, threads.",
         std::string(examples));
  app.add_flag("--json", json, "As JSON");
  add_manager_options(app, manager);
  if (!parse(app, arguments, streams.out)) return Exit::ok;

  Progress progress(streams.err, true, true);
  progress.show("looking around");
  const SystemReport report = system_report(manager);
  progress.clear();
  streams.out.write(json ? to_json(report, 2) + '\n' : render_doctor(report, streams.out.style()));
  return has_real_backend(report) ? Exit::ok : Exit::nothing_usable;
}

}  // namespace mediscan::cli
