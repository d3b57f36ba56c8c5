// Which backend opens a bundle: the one that was asked for, the best real one for "auto", mock only when the caller
// allowed it.
#pragma once

#include <functional>
#include <mediscan/backend.hpp>
#include <mediscan/options.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace mediscan::backend {

struct Opened {
  std::shared_ptr<Backend> backend;
  std::unique_ptr<Session> session;
  std::optional<std::string> fallback_reason;  ///< set when mock stands in for a real backend
};

/// What opening needs besides the options.
struct OpenContext {
  const Bundle& bundle;
  std::function<std::span<const WeightsView>()> weights;  ///< reads and hashes on first call; may throw
  int threads = 1;
  std::filesystem::path libtorch;
};

/// Opens on the calling thread, which must be the session's lane. A backend that cannot serve (BACKEND_UNAVAILABLE,
/// UNSUPPORTED, PRECISION_UNSUPPORTED) lets the next one try, and mock when `fallback` allows it; a fault of the bundle
/// itself (HASH_MISMATCH, BUNDLE_INVALID, ...) ends the search at once: no stand-in hides it. Throws NOT_FOUND for a
/// backend nobody registered.
Opened open_session(const OpenContext& context, const LoadOptions& options,
                    const std::vector<std::shared_ptr<Backend>>& backends);

}  // namespace mediscan::backend
