// Finds the profile that a load may go by, and says why not when there is one that it may not go by.
#pragma once

#include <filesystem>
#include <mediscan/bundle.hpp>
#include <optional>
#include <string>

#include "profile/choice.hpp"
#include "profile/profile.hpp"

namespace mediscan::profile {

struct Found {
  std::filesystem::path file;  ///< empty: none was there
  std::optional<Profile> profile;
  std::string problem;  ///< why the file is not used; empty when it is
};

/// What a load is about.
struct Reader {
  const Bundle& bundle;
  int threads = 1;  ///< the budget
  std::filesystem::path libtorch;
  Settled settled;
};

/// `wanted` as LoadOptions::profile. Of the backends that the profile measured, those that fit what is settled are
/// probed: each must be here in the same version. Never throws for a profile.
Found look_up(const std::string& wanted, const Reader& reader);

}  // namespace mediscan::profile
