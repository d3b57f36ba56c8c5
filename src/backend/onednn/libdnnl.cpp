#include "backend/onednn/libdnnl.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <optional>

#include "backend/onednn/constants.hpp"
#include "backend/onednn/locate.hpp"
#include "base/home_process.hpp"

namespace mediscan::backend::onednn {
namespace fs = std::filesystem;
namespace {

constexpr const char* install_hint =
    "install one with `pip install onednn-cpu-gomp`, or name the folder of yours with MEDISCAN_ONEDNN; "
    "docs/backends.md has more";

// Filled once, before any session exists; read by every call of oneDNN.
Functions functions;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

/// What is remembered of the process's oneDNN. Guarded by `mutex`.
struct State {
  std::mutex mutex;
  base::HomeProcess home;  // where the library below was opened
  std::optional<fs::path> library;
  std::string version;
  std::map<fs::path, std::string> failed;  // libraries that were refused once loaded; they stay mapped
};

State& process_state() {
  // Never destroyed: oneDNN outlives static destruction too.
  static auto* instance = new State;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
  return *instance;
}

template <class Function>
void resolve(void* handle, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(::dlsym(handle, name));
}

/// Resolves every function; names the first missing one.
std::optional<std::string> resolve_all(void* handle, Functions& found) {
#define MEDISCAN_RESOLVE(major, minor, result, name, parameters) \
  resolve(handle, #name, found.name);                            \
  if (found.name == nullptr) return "lacks the function " #name;
  MEDISCAN_LIBDNNL_FUNCTIONS(MEDISCAN_RESOLVE)
#undef MEDISCAN_RESOLVE
  return std::nullopt;
}

/// OpenMP as oneDNN binds it: from the global scope when somebody put one there, else from its own dependencies.
std::optional<std::string> resolve_openmp(void* handle, Functions& found) {
  for (void* scope : {RTLD_DEFAULT, handle}) {
    const auto openmp = OpenMp::resolve(scope);
    resolve(scope, "omp_get_thread_num", found.omp_get_thread_num);
    resolve(scope, "omp_get_num_threads", found.omp_get_num_threads);
    resolve(scope, "GOMP_parallel", found.GOMP_parallel);
    if (!openmp || found.omp_get_thread_num == nullptr || found.omp_get_num_threads == nullptr ||
        found.GOMP_parallel == nullptr) {
      continue;
    }
    static_cast<OpenMp&>(found) = *openmp;
    return std::nullopt;
  }
  return "runs on an OpenMP that lacks omp_set_num_threads or GOMP_parallel";
}

std::string explained(const std::string& loader_text) {
  if (loader_text.find("libgomp") != std::string::npos)
    return fmt::format("lacks OpenMP ({}): install the system's libgomp1", loader_text);
  return fmt::format("cannot be loaded: {}", loader_text);
}

/// Loads a library for good and resolves it. Returns why not, or nothing.
std::optional<std::string> load(State& state, const fs::path& library, int extra_flags) {
  if (const auto known = state.failed.find(library); known != state.failed.end()) return known->second;
  const auto fail = [&](std::string why) {
    return std::optional(state.failed.emplace(library, std::move(why)).first->second);
  };
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | extra_flags);
  if (handle == nullptr) {
    const char* text = ::dlerror();
    return fail(explained(text == nullptr ? "no reason given" : text));
  }
  Functions found;
  if (auto missing = resolve_all(handle, found)) return fail(*missing);
  const Version& version = *found.dnnl_version();
  if (auto fault = unusable_version(version)) return fail(*fault);
  if (version.cpu_runtime == runtime_openmp) {
    if (auto missing = resolve_openmp(handle, found)) return fail(*missing);
  }
  functions = found;
  state.home = base::HomeProcess();
  state.library = library;
  state.version = fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
  return std::nullopt;
}

LibdnnlReport open_one(const State& state, std::vector<Probe> probes) {
  return {true, state.version, *state.library, {}, {}, std::move(probes)};
}

/// The copy that is in the process already, whoever loaded it.
LibdnnlReport use_mapped(State& state, const fs::path& library) {
  std::optional<std::string> fault;
  if (!state.library) {
    fault = library.is_absolute() ? unusable_library(library) : std::optional<std::string>{"its path is not absolute"};
    if (!fault) fault = load(state, library, RTLD_NOLOAD);
  }
  std::vector<Probe> probes{
      {library.string(), !fault, fault ? *fault : fmt::format("oneDNN {}, already in this process", state.version)}};
  if (!fault) return open_one(state, std::move(probes));
  return {false,
          {},
          {},
          fmt::format("this process has {} loaded, but {}", library.string(), *fault),
          "load no other oneDNN into this process before MediScan",
          std::move(probes)};
}

}  // namespace

const Functions& libdnnl() noexcept { return functions; }

std::optional<std::string> unusable_version(const Version& version) {
  if (version.major != 3 || version.minor < 1)
    return fmt::format("is oneDNN {}.{}, 3.1 or newer of oneDNN 3 is needed", version.major, version.minor);
  const char* threads = nullptr;
  switch (version.cpu_runtime) {
    case runtime_sequential:
    case runtime_openmp:
      return std::nullopt;
    case runtime_tbb:
      threads = "TBB";
      break;
    case runtime_threadpool:
      threads = "a thread pool of its host's";
      break;
    case runtime_sycl:
      threads = "SYCL";
      break;
    default:
      threads = "threads of an unknown kind";
  }
  return fmt::format("runs on {}; a oneDNN built for OpenMP is needed", threads);
}

LibdnnlReport find_libdnnl() {
  State& current = process_state();
  const std::lock_guard lock(current.mutex);
  if (current.library && !current.home.is_here()) {
    return {false,
            {},
            {},
            "this process was made by fork() after oneDNN had been opened, and OpenMP's threads did not come along",
            "fork before the first model is loaded; in Python start workers with \"spawn\"",
            {{current.library->string(), false, "opened before fork()"}}};
  }
  if (current.library) return use_mapped(current, *current.library);
  if (const auto mapped = mapped_library()) return use_mapped(current, *mapped);

  std::vector<Probe> probes;
  const std::vector<Place> places = search_places();
  for (const Place& place : places) {
    const std::string shown = fmt::format("{} ({})", place.path.string(), place.origin);
    Inspection inspection = inspect_place(place);
    if (inspection.library) {
      const auto fault = load(current, *inspection.library, 0);
      if (!fault) {
        probes.push_back({shown, true, fmt::format("oneDNN {} at {}", current.version, current.library->string())});
        return open_one(current, std::move(probes));
      }
      inspection.detail = *fault;
      // What was refused once loaded stays mapped; then a second copy must not join it.
      if (mapped_library()) {
        probes.push_back({shown, false, *fault});
        break;
      }
    }
    probes.push_back({shown, false, inspection.detail});
  }
  const bool asked_for_one = places.size() == 1;
  std::string reason = asked_for_one ? fmt::format("{}: {}", probes.back().place, probes.back().detail)
                                     : fmt::format("no oneDNN 3.1 or newer in {} places looked at", probes.size());
  return {false, {}, {}, std::move(reason), install_hint, std::move(probes)};
}

}  // namespace mediscan::backend::onednn
