#include "backend/torch/libtorch.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <optional>

#include "backend/torch/locate.hpp"
#include "base/home_process.hpp"

namespace mediscan::backend::torch {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t oldest_abi = (std::uint64_t{2} << 56) | (std::uint64_t{11} << 48);
constexpr const char* install_hint =
    "install one with `pip install --no-deps torch nvidia-cuda-runtime nvidia-cuda-cupti`, or name yours with the "
    "libtorch option or "
    "MEDISCAN_LIBTORCH; docs/backends.md has more";

// Filled once, before any session exists; read by every call of LibTorch.
Functions functions;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

/// What is remembered of the process's LibTorch. Guarded by `mutex`.
struct State {
  std::mutex mutex;
  base::HomeProcess home;  // where the library below was opened
  std::optional<fs::path> library;
  std::string version;
  std::map<fs::path, std::string> failed;  // libraries that the loader refused; a half-loaded one is not tried twice
};

State& process_state() {
  // Never destroyed: LibTorch outlives static destruction too.
  static auto* instance = new State;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
  return *instance;
}

/// The loader's text with what to do about the failures that users meet.
std::string explained(const std::string& loader_text) {
  for (const char* missing : {"libcudart", "libcupti"}) {
    if (loader_text.find(missing) == std::string::npos) continue;
    return fmt::format("lacks {} ({}): `pip install nvidia-cuda-runtime nvidia-cuda-cupti` next to it", missing,
                       loader_text);
  }
  return fmt::format("cannot be loaded: {}", loader_text);
}

template <class Function>
void resolve(void* handle, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(::dlsym(handle, name));
}

/// Resolves every function; names the first missing one that this LibTorch should have.
std::optional<std::string> resolve_all(void* handle, Functions& found) {
#define MEDISCAN_RESOLVE(major, minor, result, name, parameters) \
  resolve(handle, #name, found.name);                            \
  if (found.name == nullptr && ((major)*100 + (minor)) <= 211) return "lacks the function " #name;
  MEDISCAN_LIBTORCH_FUNCTIONS(MEDISCAN_RESOLVE)
#undef MEDISCAN_RESOLVE
  if (found.torch_delete_stable_ivalue == nullptr) found.torch_new_stable_ivalue = nullptr;  // both or neither
  return std::nullopt;
}

/// LibTorch binds OpenMP from the global scope when somebody put one there, else from its own dependencies. Which of
/// the two it was shows when LibTorch reports the thread count that we set through it. Neither fits: a LibTorch without
/// OpenMP, whose count we leave alone.
void resolve_openmp(void* handle, Functions& found) {
  for (void* scope : {RTLD_DEFAULT, handle}) {
    const auto openmp = OpenMp::resolve(scope);
    if (!openmp) continue;
    const int before = openmp->omp_get_max_threads();
    std::uint32_t seen = 0;
    found.torch_get_num_threads(
        &seen);  // LibTorch's first call in a thread sets a default of its own: let that pass first
    openmp->omp_set_num_threads(before + 1);
    const bool same = found.torch_get_num_threads(&seen) == 0 && seen == static_cast<std::uint32_t>(before + 1);
    openmp->omp_set_num_threads(before);
    if (!same) continue;
    static_cast<OpenMp&>(found) = *openmp;
    return;
  }
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
  const std::uint64_t abi = found.aoti_torch_abi_version();
  if (abi < oldest_abi) return fail(fmt::format("LibTorch {} is too old, 2.11 or newer is needed", version_text(abi)));
  resolve_openmp(handle, found);
  functions = found;
  state.home = base::HomeProcess();
  state.library = library;
  state.version = version_text(abi);
  return std::nullopt;
}

LibtorchReport success(const State& state, std::vector<Probe> probes) {
  return {true, state.version, *state.library, {}, {}, std::move(probes)};
}

/// The copy that is in the process already, whoever loaded it; a second one could abort the process at operator
/// registration.
LibtorchReport use_mapped(State& state, const fs::path& library, const fs::path& named) {
  const bool ours = state.library.has_value();
  std::optional<std::string> fault;
  if (!ours) {
    fault = library.is_absolute() ? unusable_library(library) : std::optional<std::string>{"its path is not absolute"};
    if (!fault) fault = load(state, library, RTLD_NOLOAD);
  }
  std::vector<Probe> probes{
      {library.string(), !fault, fault ? *fault : fmt::format("LibTorch {}, already in this process", state.version)}};
  std::error_code ignored;
  if (!named.empty()) {
    const auto other = inspect_place({"option", named}).library;
    if (!other || !fs::equivalent(*other, library, ignored)) {
      probes.push_back(
          {named.string(), false,
           fmt::format("not looked into: this process has {} already, and holds only one LibTorch", library.string())});
    }
  }
  if (!fault) return success(state, std::move(probes));
  return {false,
          {},
          {},
          fmt::format("this process has {} loaded, but {}", library.string(), *fault),
          "load no other LibTorch (or an `import torch` of 2.11 or newer) into this process before MediScan",
          std::move(probes)};
}

}  // namespace

const Functions& libtorch() noexcept { return functions; }

std::string version_text(std::uint64_t abi_version) {
  return fmt::format("{}.{}.{}", abi_version >> 56, (abi_version >> 48) & 0xFF, (abi_version >> 40) & 0xFF);
}

LibtorchReport find_libtorch(const fs::path& named) {
  State& current = process_state();
  const std::lock_guard lock(current.mutex);
  if (current.library && !current.home.is_here()) {
    return {false,
            {},
            {},
            "this process was made by fork() after LibTorch had been opened, and LibTorch's threads did not come along",
            "fork before the first model is loaded; in Python start workers with \"spawn\"",
            {{current.library->string(), false, "opened before fork()"}}};
  }
  if (current.library) return use_mapped(current, *current.library, named);
  if (const auto mapped = mapped_library()) return use_mapped(current, *mapped, named);

  std::vector<Probe> probes;
  const std::vector<Place> places = search_places(named);
  for (const Place& place : places) {
    const std::string shown = fmt::format("{} ({})", place.path.string(), place.origin);
    Inspection inspection = inspect_place(place);
    if (inspection.library) {
      const auto fault = load(current, *inspection.library, 0);
      if (!fault) {
        probes.push_back({shown, true, fmt::format("LibTorch {} at {}", current.version, current.library->string())});
        return success(current, std::move(probes));
      }
      inspection.detail = *fault;
      // What the loader refused late may have stayed mapped; then a second copy must not join it.
      if (mapped_library()) {
        probes.push_back({shown, false, *fault});
        break;
      }
    }
    probes.push_back({shown, false, inspection.detail});
  }
  const bool asked_for_one = places.size() == 1 && places.front().origin != "system";
  std::string reason = asked_for_one ? fmt::format("{}: {}", probes.back().place, probes.back().detail)
                                     : fmt::format("no LibTorch 2.11 or newer in {} places looked at", probes.size());
  return {false, {}, {}, std::move(reason), install_hint, std::move(probes)};
}

}  // namespace mediscan::backend::torch
