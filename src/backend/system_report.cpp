// What the library finds on this machine, gathered for `doctor` and `status`.
#include <unistd.h>

#include <fstream>
#include <mediscan/system.hpp>

#include "base/threads.hpp"
#include "image/decoders.hpp"

namespace mediscan {
namespace {

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");  // total and resident size, in pages
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  if (!(file >> total >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

SystemReport system_report(const ManagerOptions& options) {
  SystemReport report;
  report.library_version = library_version();
  report.simd = simd_level();
  report.decoders = image::decoder_versions();
  const base::ThreadBudget budget = base::thread_budget(options.threads);
  report.threads = budget.threads;
  report.threads_source = budget.source;
  for (const auto& backend : registered_backends()) report.backends.push_back(backend->probe(options.libtorch));
  report.resident_bytes = resident_bytes();
  return report;
}

}  // namespace mediscan
