#include "profile/place.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "base/hash.hpp"

namespace mediscan::profile {
namespace {

/// Nothing when it is empty or the process is set-uid.
std::optional<std::string> environment(const char* name) {
  const char* value = ::secure_getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

/// The XDG Base Directory Specification says of a relative path: "consider the path invalid and ignore it".
std::optional<std::filesystem::path> cache_folder() {
  if (const auto cache = environment("XDG_CACHE_HOME")) {
    if (std::filesystem::path(*cache).is_absolute()) return *cache;
  }
  const auto home = environment("HOME");
  if (!home || !std::filesystem::path(*home).is_absolute()) return std::nullopt;
  return std::filesystem::path(*home) / ".cache";
}

/// A bundle's name in a file name: what could be a path or an option becomes "_".
std::string plain(std::string name) {
  const auto keeps = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  std::ranges::replace_if(
      name, [&](char c) { return !keeps(c); }, '_');
  constexpr std::size_t longest = 64;
  return name.substr(0, longest);
}

}  // namespace

std::optional<std::filesystem::path> default_file(const std::string& model, const Identity& identity) {
  const auto folder = cache_folder();
  if (!folder) return std::nullopt;
  const std::string digest =
      base::sha256_hex(fmt::format("{}\n{}\n{}\n{}\n{}", identity.weights_sha256, identity.manifest_sha256,
                                   identity.cpu, fmt::join(identity.features, ","), identity.threads));
  return *folder / "mediscan" / "tune" / fmt::format("{}-{}.json", plain(model), digest.substr(0, 16));
}

std::optional<std::string> named_by_environment() { return environment("MEDISCAN_PROFILE"); }

}  // namespace mediscan::profile
