#include "model/profile_choice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "profile/choice.hpp"
#include "profile/look_up.hpp"

namespace mediscan::model {
namespace {

bool leaves_nothing_open(const LoadOptions& options) {
  return options.backend != "auto" && options.precision != "auto" && options.lanes != 0;
}

/// A smaller largest batch is only better when the one that was asked for was measured, too.
bool was_measured(const profile::Profile& profile, const profile::Measured& like, int max_batch) {
  return std::ranges::any_of(profile.measured, [&](const profile::Measured& row) {
    return row.backend == like.backend && row.device == like.device && row.precision == like.precision &&
           row.lanes == like.lanes && static_cast<int>(row.batch_size) == max_batch;
  });
}

/// Fills in what is open; gives what that was, in words.
std::vector<std::string> settle(LoadOptions& options, const profile::Measured& best, bool smaller_batches) {
  std::vector<std::string> chosen;
  if (options.backend == "auto") chosen.push_back("backend " + best.backend);
  if (options.precision == "auto") chosen.push_back("precision " + best.precision);
  if (options.lanes == 0) {
    chosen.push_back(fmt::format("{} lane{} of {} thread{}", best.lanes, best.lanes == 1 ? "" : "s", best.threads,
                                 best.threads == 1 ? "" : "s"));
  }
  options.backend = best.backend;
  options.device = best.device;
  options.precision = best.precision;
  options.lanes = best.lanes;
  if (smaller_batches && static_cast<int>(best.batch_size) < options.max_batch) {
    chosen.push_back(fmt::format("batches of up to {}", best.batch_size));
    options.max_batch = static_cast<int>(best.batch_size);
  }
  options.fallback = Fallback::never;  // what else may open is for the options as they were given
  return chosen;
}

}  // namespace

Warning profile_ignored(const std::string& why) { return {"PROFILE_IGNORED", "the profile is not used: " + why}; }

bool may_be_the_choice(const Error& error) noexcept {
  switch (error.code()) {
    case ErrorCode::not_found:
    case ErrorCode::unsupported:
    case ErrorCode::limit_exceeded:
    case ErrorCode::out_of_memory:
    case ErrorCode::self_test_failed:
    case ErrorCode::backend_unavailable:
    case ErrorCode::backend_failed:
    case ErrorCode::precision_unsupported:
    case ErrorCode::overloaded:
      return true;
    default:
      return false;
  }
}

ProfiledOptions options_by_profile(const Bundle& bundle, const LoadOptions& options, const Environment& environment) {
  ProfiledOptions given{options, {}};
  if (options.profile == "off" || leaves_nothing_open(options)) return given;
  const int budget = environment.threads.threads;
  const profile::Settled settled{options.backend, options.device, options.precision, options.lanes,
                                 options.batch_invariant ? 1U : static_cast<std::uint32_t>(options.max_batch)};
  const profile::Found found = profile::look_up(options.profile, {bundle, budget, environment.libtorch, settled});
  if (!found.problem.empty()) given.note.warnings.push_back(profile_ignored(found.problem));
  if (!found.profile) return given;
  const auto best = profile::best(found.profile->measured, found.profile->goal, settled, bundle);
  if (!best) return given;
  const bool smaller = !options.batch_invariant && was_measured(*found.profile, *best, options.max_batch);
  const auto chosen = settle(given.options, *best, smaller);
  given.note.file = found.file;
  given.note.reason = fmt::format("{} from profile {}", fmt::join(chosen, ", "), found.file.filename().string());
  return given;
}

}  // namespace mediscan::model
