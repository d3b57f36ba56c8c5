#include "backend/onednn/libdnnl.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "backend/onednn/constants.hpp"
#include "backend/onednn/locate.hpp"
#include "base/symbol.hpp"

namespace mediscan::backend::onednn {
namespace {

constexpr const char* install_hint =
    "install one with `pip install onednn-cpu-gomp`, or name the folder of yours with MEDISCAN_ONEDNN; "
    "docs/backends.md has more";

// Filled once, before any session exists; read by every call of oneDNN.
Functions functions;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

/// Resolves every function; names the first missing one.
std::optional<std::string> resolve_all(void* handle, Functions& found) {
#define MEDISCAN_RESOLVE(major, minor, result, name, parameters) \
  if (!base::resolve_symbol(handle, #name, found.name)) return "lacks the function " #name;
  MEDISCAN_LIBDNNL_FUNCTIONS(MEDISCAN_RESOLVE)
#undef MEDISCAN_RESOLVE
  return std::nullopt;
}

/// OpenMP as oneDNN binds it: from the global scope when somebody put one there, else from its own dependencies.
std::optional<std::string> resolve_openmp(void* handle, Functions& found) {
  for (void* scope : {RTLD_DEFAULT, handle}) {
    const auto openmp = OpenMp::resolve(scope);
    base::resolve_symbol(scope, "omp_get_thread_num", found.omp_get_thread_num);
    base::resolve_symbol(scope, "omp_get_num_threads", found.omp_get_num_threads);
    base::resolve_symbol(scope, "GOMP_parallel", found.GOMP_parallel);
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

TakenLibrary take(void* handle) {
  Functions found;
  if (auto missing = resolve_all(handle, found)) return {{}, std::move(missing)};
  const Version& version = *found.dnnl_version();
  if (auto fault = unusable_version(version)) return {{}, std::move(fault)};
  if (version.cpu_runtime == runtime_openmp) {
    if (auto missing = resolve_openmp(handle, found)) return {{}, std::move(missing)};
  }
  functions = found;
  return {fmt::format("{}.{}.{}", version.major, version.minor, version.patch), std::nullopt};
}

RuntimeLibrary& library() {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): one a process, guarded by its own lock
  static auto* const instance = new RuntimeLibrary({"oneDNN", "3.1", "OpenMP", install_hint,
                                                    "load no other oneDNN into this process before MediScan",
                                                    mapped_library, inspect_place, unusable_library, explained, take});
  return *instance;
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

RuntimeReport find_libdnnl() { return library().find(search_places(), {}); }

}  // namespace mediscan::backend::onednn
