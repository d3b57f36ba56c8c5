// Searches oneDNN once for each argument "search", and prints what each search found, a line a field.
// "--load FILE" maps a library first, as a host program might have.
#include <dlfcn.h>

#include <cstdio>
#include <string_view>

#include "backend/onednn/libdnnl.hpp"

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    if (std::string_view(arguments[i]) == "--load") {
      if (++i == count || ::dlopen(arguments[i], RTLD_NOW | RTLD_LOCAL) == nullptr) return 2;
      continue;
    }
    const auto report = mediscan::backend::onednn::find_libdnnl();
    std::printf("available %d version %s library %s\nreason %s\nhint %s\n", report.available ? 1 : 0,
                report.version.c_str(), report.library.c_str(), report.reason.c_str(), report.hint.c_str());
    for (const auto& probe : report.probes) {
      std::printf("probe %d %s: %s\n", probe.usable ? 1 : 0, probe.place.c_str(), probe.detail.c_str());
    }
  }
  return 0;
}
