// What a profile makes of the options that a model is loaded with.
#pragma once

#include <mediscan/bundle.hpp>
#include <mediscan/error.hpp>
#include <mediscan/options.hpp>

#include "model/environment.hpp"
#include "model/loaded_model.hpp"

namespace mediscan::model {

struct ProfiledOptions {
  LoadOptions options;
  ProfileNote note;  ///< its file is empty when the options are those that were given
};

/// Settles what the options leave open as a profile says, when one is wanted, there, and of this bundle and machine.
ProfiledOptions options_by_profile(const Bundle& bundle, const LoadOptions& options, const Environment& environment);

/// Whether a load that failed so may have failed for what the profile chose.
bool may_be_the_choice(const Error& error) noexcept;

/// The warning that a profile was not used.
Warning profile_ignored(const std::string& why);

}  // namespace mediscan::model
