#include "backend/select.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <new>

namespace mediscan::backend {
namespace {

using Backends = std::vector<std::shared_ptr<Backend>>;

bool lets_another_try(ErrorCode code) {
  return code == ErrorCode::backend_unavailable || code == ErrorCode::unsupported ||
         code == ErrorCode::precision_unsupported;
}

std::string names_of(const Backends& backends) {
  std::string names;
  for (const auto& backend : backends) names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", backend->name());
  return names;
}

Backends candidates(const std::string& wanted, const Backends& backends) {
  Backends chosen;
  for (const auto& backend : backends) {
    const bool take = wanted == "auto" ? !backend->simulated() : backend->name() == wanted;
    if (take) chosen.push_back(backend);
  }
  if (chosen.empty() && wanted != "auto") {
    throw Error(ErrorCode::not_found, Stage::backend, fmt::format("no backend is called \"{}\"", wanted),
                fmt::format("use \"auto\" or one of {}", names_of(backends)));
  }
  return chosen;
}

/// Opens, and turns whatever a backend throws into an Error.
std::unique_ptr<Session> open_one(Backend& backend, const OpenContext& context, const LoadOptions& options,
                                  const std::string& precision) {
  const std::span<const WeightsView> weights =
      backend.needs_weights() ? context.weights() : std::span<const WeightsView>{};
  const OpenRequest request{context.bundle,  weights,           options.device,  precision,
                            context.threads, options.max_batch, context.libtorch};
  try {
    auto session = backend.open(request);
    if (!session) {
      throw Error(ErrorCode::backend_failed, Stage::backend,
                  fmt::format("backend {} opened no session", backend.name()));
    }
    return session;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, Stage::backend,
                fmt::format("backend {} ran out of memory while opening", backend.name()));
  } catch (const std::exception& error) {
    throw Error(ErrorCode::backend_failed, Stage::backend, fmt::format("backend {}: {}", backend.name(), error.what()));
  } catch (...) {
    throw Error(ErrorCode::backend_failed, Stage::backend,
                fmt::format("backend {} threw something that is no std::exception", backend.name()));
  }
}

/// What the backends that are on this machine agree on; one that is not says nothing about the bundle.
ErrorCode code_of(const std::vector<Error>& refusals) {
  std::optional<ErrorCode> agreed;
  for (const Error& refusal : refusals) {
    if (refusal.code() == ErrorCode::backend_unavailable) continue;
    if (agreed && *agreed != refusal.code()) return ErrorCode::backend_unavailable;
    agreed = refusal.code();
  }
  return agreed.value_or(ErrorCode::backend_unavailable);
}

/// One refusal stands as it is; several become one that quotes them all.
Error refusal_of(const std::vector<Error>& refusals) {
  constexpr std::string_view hint =
      "`mediscan doctor` says what is missing; simulated answers are given only with fallback \"mock\" or backend "
      "\"mock\"";
  if (refusals.empty()) {
    return {ErrorCode::backend_unavailable, Stage::backend, "no real backend is registered", std::string(hint)};
  }
  if (refusals.size() == 1) {
    const Error& only = refusals.front();
    return {only.code(), only.stage(), only.message(), only.hint().empty() ? std::string(hint) : only.hint()};
  }
  std::string text;
  for (const Error& refusal : refusals) text += fmt::format("{}{}", text.empty() ? "" : "; ", refusal.message());
  return {code_of(refusals), Stage::backend, "no backend opens this bundle: " + text, std::string(hint)};
}

bool allows(const Bundle& bundle, std::string_view precision) {
  if (precision == full_precision) return true;
  return bundle.precision && std::ranges::find(bundle.precision->allowed, precision) != bundle.precision->allowed.end();
}

void require_allowed(const Bundle& bundle, const std::string& precision) {
  if (precision == "auto" || allows(bundle, precision)) return;
  throw Error(
      ErrorCode::precision_unsupported, Stage::backend,
      fmt::format("{} {} allows {}, not {}", bundle.name, bundle.version,
                  bundle.precision ? fmt::format("fp32 and {}", fmt::join(bundle.precision->allowed, ", "))
                                   : std::string("fp32 alone"),
                  precision),
      fmt::format("choose precision fp32 or auto; that a model may run in {} is for its mediscan.json to say, in "
                  "\"precision\" (docs/bundle.md)",
                  precision));
}

/// What the device that would be taken lists, best first; nothing when the backend knows no such device.
std::vector<std::string> offered_precisions(const Backend& backend, const OpenContext& context,
                                            const std::string& wanted) {
  const auto kind_of = [](const std::string& device) { return device.substr(0, device.find(':')); };
  for (const DeviceInfo& device : backend.probe(context.libtorch).devices) {
    const bool meant = wanted == "auto" || device.name == wanted || kind_of(device.name) == kind_of(wanted);
    if (device.usable && meant) return device.precisions;
  }
  return {};
}

/// What "auto" tries, in this order. What the bundle allows and the device does not list comes first: its refusal is
/// the reason that the record gives.
std::vector<std::string> precisions_to_try(const Backend& backend, const OpenContext& context,
                                           const LoadOptions& options) {
  const std::string fp32(full_precision);
  if (!context.bundle.precision) return {fp32};
  const auto offered = offered_precisions(backend, context, options.device);
  const auto lists = [](const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
  };
  std::vector<std::string> order;
  for (const char* precision : {"int8", "fp16", "bf16"}) {
    if (allows(context.bundle, precision) && !lists(offered, precision)) order.emplace_back(precision);
  }
  for (const std::string& precision : offered) {
    if (allows(context.bundle, precision)) order.push_back(precision);
  }
  if (!lists(order, fp32)) order.push_back(fp32);
  std::erase_if(order, [&](const std::string& precision) {
    return std::ranges::any_of(context.left, [&](const LeftPrecision& each) { return each.precision == precision; });
  });
  return order;
}

/// The device asked for; for "auto" each one that the backend can use, in its order, or "auto" where it has no choice.
std::vector<std::string> devices_to_try(const Backend& backend, const OpenContext& context, const std::string& wanted) {
  if (wanted != "auto") return {wanted};
  std::vector<std::string> usable;
  for (const DeviceInfo& device : backend.probe(context.libtorch).devices) {
    if (device.usable) usable.push_back(device.name);
  }
  return usable.size() > 1 ? usable : std::vector<std::string>{wanted};
}

/// Opens on one device, at the precision asked for, or for "auto" at the first that the backend does not refuse.
Opened open_at_precision(const std::shared_ptr<Backend>& backend, const OpenContext& context,
                         const LoadOptions& options) {
  if (options.precision != "auto")
    return {backend, open_one(*backend, context, options, options.precision), std::nullopt, {}};
  std::vector<LeftPrecision> left = context.left;
  std::optional<Error> refusal;
  for (const std::string& precision : precisions_to_try(*backend, context, options)) {
    try {
      return {backend, open_one(*backend, context, options, precision), std::nullopt, left};
    } catch (const Error& error) {
      if (error.code() != ErrorCode::precision_unsupported) throw;
      if (precision != full_precision) left.push_back({precision, error.message()});
      refusal = error;
    }
  }
  throw Error(*refusal);
}

/// Device "auto" goes past a device for one reason alone: the bundle's weights or the precision asked for are not for
/// it, as quantised ones are not for a GPU. A device that fails ends the load.
Opened open_on_device(const std::shared_ptr<Backend>& backend, const OpenContext& context, LoadOptions options) {
  std::optional<Error> refusal;
  for (const std::string& device : devices_to_try(*backend, context, options.device)) {
    options.device = device;
    try {
      return open_at_precision(backend, context, options);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::precision_unsupported) throw;
      refusal = error;
    }
  }
  throw Error(*refusal);
}

}  // namespace

std::optional<std::string> reason_of(const std::vector<LeftPrecision>& left) {
  if (left.empty()) return std::nullopt;
  std::string text;
  for (const auto& [precision, why] : left) text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", precision, why);
  return text;
}

Opened open_session(const OpenContext& context, const LoadOptions& options, const Backends& backends) {
  require_allowed(context.bundle, options.precision);
  std::vector<Error> refusals;
  for (const auto& backend : candidates(options.backend, backends)) {
    try {
      return open_on_device(backend, context, options);
    } catch (const Error& error) {
      if (!lets_another_try(error.code())) throw;
      refusals.push_back(error);
    }
  }
  const Error refusal = refusal_of(refusals);
  if (options.fallback != Fallback::mock || options.backend == "mock") throw refusal;
  LoadOptions simulated = options;  // the stand-in computes nothing, so what was asked of the device cannot bind it
  simulated.device = "auto";
  const auto mock = candidates("mock", backends).front();
  return {mock, open_one(*mock, context, simulated, std::string(full_precision)), refusal.message(), {}};
}

}  // namespace mediscan::backend
