// Where the tests look for LibTorch: MEDISCAN_LIBTORCH when set (the library finds that itself), else the one that
// set-up installed.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace mediscan::test {

/// What to hand to probe() and open(); empty when nothing is known, which leaves the library's own search.
inline std::filesystem::path libtorch_place() {
  if (const char* set = std::getenv("MEDISCAN_LIBTORCH"); set != nullptr && *set != '\0') return {};
  const std::filesystem::path installed =
      std::filesystem::path(MEDISCAN_SOURCE_DIR) / ".deps" / "libtorch" / "torch" / "lib";
  std::error_code ignored;
  return std::filesystem::exists(installed, ignored) ? installed : std::filesystem::path{};
}

}  // namespace mediscan::test
