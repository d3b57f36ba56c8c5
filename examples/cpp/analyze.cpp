// Analyses picture files with one model, in C++.
//
// usage: analyze BUNDLE PICTURE...        e.g.  analyze models/skin-demo lesion.jpg
//        MEDISCAN_EXAMPLE_BACKEND=mock    simulated scores, for a machine without LibTorch
#include <mediscan/mediscan.hpp>

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

void print(const mediscan::Result& result) {
  std::printf("%s\n", result.input.name.c_str());
  for (const mediscan::Finding& finding : result.findings) {
    if (!finding.probability) continue;  // the network has no trained output for it
    std::printf("  %-45s %6.2f %%%s\n", finding.label.c_str(), 100 * *finding.probability,
                finding.decision.value_or(false) ? "  *" : "");
  }
  std::printf("  %s %s on %s %s, %s, %.1f ms%s\n", result.model.name.c_str(), result.model.version.c_str(),
              result.execution.backend.c_str(), result.execution.backend_version.c_str(),
              result.execution.device.c_str(), result.timing_ms.total,
              result.execution.simulated ? " -- SIMULATED: these scores come from no model" : "");
  std::printf("  %s\n", result.notice.c_str());
}

void print(const mediscan::Error& error) {
  std::fprintf(stderr, "%s\n  %s\n", error.message().c_str(), error.hint().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s BUNDLE PICTURE...\n", argv[0]);
    return 2;
  }
  try {
    mediscan::LoadOptions options;
    if (const char* backend = std::getenv("MEDISCAN_EXAMPLE_BACKEND")) options.backend = backend;
    const mediscan::Analyzer analyzer(mediscan::ModelManager::shared().load(argv[1], options));
    int failed = 0;
    for (int i = 2; i < argc; ++i) {
      try {
        print(analyzer.analyze(mediscan::Image::read(argv[i])));
      } catch (const mediscan::Error& error) {  // one bad picture does not end the others
        print(error);
        failed = 1;
      }
    }
    return failed;
  } catch (const mediscan::Error& error) {
    print(error);
    return 3;
  }
}
