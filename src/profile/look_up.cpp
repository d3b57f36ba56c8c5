#include "profile/look_up.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mediscan/backend.hpp>
#include <mediscan/error.hpp>
#include <system_error>

#include "profile/identity.hpp"
#include "profile/place.hpp"

namespace mediscan::profile {
namespace {

struct Place {
  std::filesystem::path file;
  bool named = false;  ///< by someone: then it is missed when it is not there
};

/// Nothing when no profile is wanted, or there is no default place.
std::optional<Place> place_of(const std::string& wanted, const std::string& model, const Identity& here) {
  std::string name = wanted;
  if (name == "auto") name = named_by_environment().value_or("auto");
  if (name == "off") return std::nullopt;
  if (name != "auto") return Place{name, true};
  const auto file = default_file(model, here);
  if (!file) return std::nullopt;
  return Place{*file, false};
}

/// What is wrong with a backend that was measured, or nothing.
std::optional<std::string> backend_difference(const Profile& profile, const Reader& reader) {
  std::map<std::string, std::string> measured;  // name to version
  for (const Measured& row : fitting(profile.measured, reader.settled, reader.bundle)) {
    measured[row.backend] = row.backend_version;
  }
  const auto all = registered_backends();
  for (const auto& [name, version] : measured) {
    const auto found =
        std::ranges::find_if(all, [&, &wanted = name](const auto& each) { return each->name() == wanted; });
    if (found == all.end()) return fmt::format("it measured the backend {}, which is not registered here", name);
    const BackendInfo info = (*found)->probe(reader.libtorch);
    if (!info.available)
      return fmt::format("it measured the backend {}, which is not available: {}", name, info.reason);
    if (info.version != version) {
      return fmt::format("it measured the backend {} {}, here it is {}", name, version, info.version);
    }
  }
  return std::nullopt;
}

}  // namespace

Found look_up(const std::string& wanted, const Reader& reader) {
  Found found;
  const Identity here = identity_here(reader.bundle, reader.threads);
  const auto place = place_of(wanted, reader.bundle.name, here);
  if (!place) return found;
  std::error_code ignored;
  if (!place->named && !std::filesystem::exists(place->file, ignored)) return found;
  found.file = place->file;
  try {
    Profile profile = read(place->file);
    auto problem = difference(profile.identity, here);
    if (!problem) problem = backend_difference(profile, reader);
    if (problem) {
      found.problem = fmt::format("{}: {}", place->file.string(), *problem);
    } else {
      found.profile = std::move(profile);
    }
  } catch (const Error& error) {
    found.problem = error.message();
  }
  return found;
}

}  // namespace mediscan::profile
