// For test cases that need a real oneDNN: opens it, or says why the case is skipped. It is the one that MEDISCAN_ONEDNN
// names, else the one that set-up installed.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "backend/onednn/libdnnl.hpp"

namespace mediscan::test {

/// Makes the library find the oneDNN that set-up installed, unless the environment names another.
inline void use_installed_onednn() {
  const std::filesystem::path installed = std::filesystem::path(MEDISCAN_SOURCE_DIR) / ".deps" / "onednn";
  std::error_code ignored;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread of the test
  if (std::filesystem::exists(installed, ignored)) ::setenv("MEDISCAN_ONEDNN", installed.c_str(), 0);
}

inline bool has_onednn() {
  use_installed_onednn();
  const auto report = backend::onednn::find_libdnnl();
  if (!report.available) std::printf("MEDISCAN_SKIP: no oneDNN: %s\n", report.reason.c_str());
  return report.available;
}

}  // namespace mediscan::test
