#include "backend/runtime_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <exception>
#include <system_error>

namespace mediscan::backend {
namespace fs = std::filesystem;
namespace {

RuntimeReport failure(std::string reason, std::string hint, std::vector<Probe> probes) {
  return {false, {}, {}, std::move(reason), std::move(hint), std::move(probes)};
}

}  // namespace

RuntimeReport RuntimeLibrary::success(std::vector<Probe> probes) const {
  return {true, version_, *library_, {}, {}, std::move(probes)};
}

/// Loads a library for good and resolves it. Returns why not, or nothing.
std::optional<std::string> RuntimeLibrary::load(const fs::path& library, int extra_flags) {
  if (const auto known = failed_.find(library); known != failed_.end()) return known->second;
  const auto fail = [&](std::string why) {
    return std::optional(failed_.emplace(library, std::move(why)).first->second);
  };
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | extra_flags);
  if (handle == nullptr) {
    const char* text = ::dlerror();
    return fail(kind_.explain(text == nullptr ? "no reason given" : text));
  }
  TakenLibrary taken = kind_.take(handle);
  if (taken.fault) return fail(*std::move(taken.fault));
  home_ = base::HomeProcess();
  library_ = library;
  version_ = std::move(taken.version);
  return std::nullopt;
}

/// The copy that is in the process already, whoever loaded it: a second one could abort the process or share the names
/// of its functions with the first.
RuntimeReport RuntimeLibrary::use_mapped(const fs::path& library, const fs::path& named) {
  std::optional<std::string> fault;
  if (!library_) {
    fault =
        library.is_absolute() ? kind_.fault_of_file(library) : std::optional<std::string>{"its path is not absolute"};
    if (!fault) fault = load(library, RTLD_NOLOAD);
  }
  std::vector<Probe> probes{
      {library.string(), !fault, fault ? *fault : fmt::format("{} {}, already in this process", kind_.name, version_)}};
  if (!named.empty()) {
    std::error_code ignored;
    const auto other = kind_.inspect({"option", named}).library;
    if (!other || !fs::equivalent(*other, library, ignored)) {
      probes.push_back({named.string(), false,
                        fmt::format("not looked into: this process has {} already, and holds only one {}",
                                    library.string(), kind_.name)});
    }
  }
  if (!fault) return success(std::move(probes));
  return failure(fmt::format("this process has {} loaded, but {}", library.string(), *fault), kind_.no_other_copy,
                 std::move(probes));
}

RuntimeReport RuntimeLibrary::find(const std::vector<Place>& places, const fs::path& named) {
  const std::lock_guard lock(mutex_);
  if (library_ && !home_.is_here()) {
    return failure(
        fmt::format("this process was made by fork() after {} had been opened, and {}'s threads did not come "
                    "along",
                    kind_.name, kind_.threads),
        "fork before the first model is loaded; in Python start workers with \"spawn\"",
        {{library_->string(), false, "opened before fork()"}});
  }
  if (library_) return use_mapped(*library_, named);
  if (const auto mapped = kind_.mapped()) return use_mapped(*mapped, named);

  std::vector<Probe> probes;
  for (const Place& place : places) {
    const std::string shown = fmt::format("{} ({})", place.path.string(), place.origin);
    Inspection inspection = kind_.inspect(place);
    if (inspection.library) {
      const auto fault = load(*inspection.library, 0);
      if (!fault) {
        probes.push_back({shown, true, fmt::format("{} {} at {}", kind_.name, version_, library_->string())});
        return success(std::move(probes));
      }
      inspection.detail = *fault;
      // What was refused once loaded may have stayed mapped; then a second copy must not join it.
      if (kind_.mapped()) {
        probes.push_back({shown, false, *fault});
        break;
      }
    }
    probes.push_back({shown, false, inspection.detail});
  }
  const bool asked_for_one = places.size() == 1 && places.front().origin != "system";
  std::string reason =
      asked_for_one ? fmt::format("{}: {}", probes.back().place, probes.back().detail)
                    : fmt::format("no {} {} or newer in {} places looked at", kind_.name, kind_.oldest, probes.size());
  return failure(std::move(reason), kind_.install_hint, std::move(probes));
}

BackendInfo backend_info(const std::string& name, const std::function<RuntimeReport()>& find,
                         const std::function<std::vector<DeviceInfo>(const RuntimeReport&)>& devices) {
  BackendInfo info;
  info.name = name;
  try {
    const RuntimeReport report = find();
    info.version = report.version;
    info.available = report.available;
    info.reason = report.reason;
    info.probes = report.probes;
    if (info.available) info.devices = devices(report);
  } catch (const std::exception& error) {
    info.available = false;
    info.reason = error.what();
  }
  return info;
}

void require_numbers(const OpenRequest& request) {
  if (request.threads >= 1 && request.max_batch >= 1) return;
  throw Error(ErrorCode::invalid_argument, Stage::backend,
              fmt::format("threads {} and max_batch {} must be at least 1", request.threads, request.max_batch));
}

}  // namespace mediscan::backend
