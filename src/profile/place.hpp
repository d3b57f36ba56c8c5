// Where the profile of a bundle on this machine stands unless someone says otherwise.
#pragma once

#include <filesystem>
#include <mediscan/bundle.hpp>
#include <optional>
#include <string>

#include "profile/identity.hpp"

namespace mediscan::profile {

/// `folder`/NAME-DIGEST.json in $XDG_CACHE_HOME/mediscan/tune, or ~/.cache/mediscan/tune; the digest is of all that the
/// profile holds for but the version, so that what was made by another version is found and said to be old. Nothing
/// when neither variable is an absolute path, and in a set-uid process.
std::optional<std::filesystem::path> default_file(const std::string& model, const Identity& identity);

/// MEDISCAN_PROFILE; nothing when it is not set or empty, and in a set-uid process.
std::optional<std::string> named_by_environment();

}  // namespace mediscan::profile
