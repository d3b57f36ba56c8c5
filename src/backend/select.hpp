// Which backend opens a bundle, and at which precision: what was asked for, the best real backend and the fastest
// precision for "auto", mock only when the caller allowed it.
#pragma once

#include <functional>
#include <mediscan/backend.hpp>
#include <mediscan/options.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mediscan::backend {

/// A precision that "auto" went past.
struct LeftPrecision {
  std::string precision;
  std::string why;
};

struct Opened {
  std::shared_ptr<Backend> backend;
  std::unique_ptr<Session> session;
  std::optional<std::string> fallback_reason;  ///< set when mock stands in for a real backend
  std::vector<LeftPrecision> left;             ///< of precision "auto": those faster than the session's, in order
};

/// What opening needs besides the options.
struct OpenContext {
  const Bundle& bundle;
  std::function<std::span<const WeightsView>()> weights;  ///< reads and hashes on first call; may throw
  int threads = 1;
  std::filesystem::path libtorch;
  std::vector<LeftPrecision> left;  ///< of precision "auto": opened before and found wanting; not tried again
};

/// Opens on the calling thread, which must be the session's lane. A backend that cannot serve (BACKEND_UNAVAILABLE,
/// UNSUPPORTED, PRECISION_UNSUPPORTED) lets the next one try, and mock when `fallback` allows it; a fault of the bundle
/// itself (HASH_MISMATCH, BUNDLE_INVALID, ...) ends the search at once: no stand-in hides it. Precision "auto" tries,
/// on each backend, what the bundle allows and the device lists before fp32, then fp32. Throws NOT_FOUND for a backend
/// nobody registered, PRECISION_UNSUPPORTED for a precision below fp32 that the bundle does not allow.
Opened open_session(const OpenContext& context, const LoadOptions& options,
                    const std::vector<std::shared_ptr<Backend>>& backends);

/// "int8: why; bf16: why", or nothing when none was left.
std::optional<std::string> reason_of(const std::vector<LeftPrecision>& left);

inline constexpr std::string_view full_precision = "fp32";

}  // namespace mediscan::backend
