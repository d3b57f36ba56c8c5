#include "backend/select.hpp"

#include <fmt/format.h>

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
std::unique_ptr<Session> open_one(Backend& backend, const OpenContext& context, const LoadOptions& options) {
  const std::span<const WeightsView> weights =
      backend.needs_weights() ? context.weights() : std::span<const WeightsView>{};
  const OpenRequest request{context.bundle,  weights,           options.device,  options.precision,
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
  const ErrorCode first = refusals.front().code();
  const bool alike = std::all_of(refusals.begin(), refusals.end(), [&](const Error& e) { return e.code() == first; });
  std::string text;
  for (const Error& refusal : refusals) text += fmt::format("{}{}", text.empty() ? "" : "; ", refusal.message());
  return {alike ? first : ErrorCode::backend_unavailable, Stage::backend, "no backend opens this bundle: " + text,
          std::string(hint)};
}

}  // namespace

Opened open_session(const OpenContext& context, const LoadOptions& options, const Backends& backends) {
  std::vector<Error> refusals;
  for (const auto& backend : candidates(options.backend, backends)) {
    try {
      return {backend, open_one(*backend, context, options), std::nullopt};
    } catch (const Error& error) {
      if (!lets_another_try(error.code())) throw;
      refusals.push_back(error);
    }
  }
  const Error refusal = refusal_of(refusals);
  if (options.fallback != Fallback::mock || options.backend == "mock") throw refusal;
  LoadOptions simulated = options;  // the stand-in computes nothing, so what was asked of the device cannot bind it
  simulated.device = "auto";
  simulated.precision = "fp32";
  const auto mock = candidates("mock", backends).front();
  return {mock, open_one(*mock, context, simulated), refusal.message()};
}

}  // namespace mediscan::backend
