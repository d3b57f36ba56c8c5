#include "metrics/process.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace mediscan::metrics {
namespace {

std::uint64_t resident_bytes(const std::filesystem::path& proc) {
  std::ifstream file(proc / "statm");  // total and resident size, in pages
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  if (!(file >> total >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// Without the one that this very count holds open.
std::uint64_t open_files(const std::filesystem::path& proc) {
  std::error_code failed;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator entry(proc / "fd", failed), end; !failed && entry != end;
       entry.increment(failed)) {
    ++count;
  }
  return failed || count == 0 ? 0 : count - 1;
}

/// By lines, since the name of the process is in this file, too, and may be any word. The kernel escapes its line ends.
std::uint64_t threads(const std::filesystem::path& proc) {
  constexpr std::string_view field = "Threads:";
  std::ifstream file(proc / "status");
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, field.size(), field) == 0) return std::strtoull(line.c_str() + field.size(), nullptr, 10);
  }
  return 0;
}

}  // namespace

ProcessMetrics process_metrics(const std::filesystem::path& proc) {
  return {resident_bytes(proc), open_files(proc), threads(proc)};
}

}  // namespace mediscan::metrics
