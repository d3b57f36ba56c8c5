#include "backend/torch/libtorch.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "backend/torch/locate.hpp"
#include "base/symbol.hpp"

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

/// The loader's text with what to do about the failures that users meet.
std::string explained(const std::string& loader_text) {
  for (const char* missing : {"libcudart", "libcupti"}) {
    if (loader_text.find(missing) == std::string::npos) continue;
    return fmt::format("lacks {} ({}): `pip install nvidia-cuda-runtime nvidia-cuda-cupti` next to it", missing,
                       loader_text);
  }
  return fmt::format("cannot be loaded: {}", loader_text);
}

/// Resolves every function; names the first missing one that this LibTorch should have.
std::optional<std::string> resolve_all(void* handle, Functions& found) {
#define MEDISCAN_RESOLVE(major, minor, result, name, parameters)                          \
  if (!base::resolve_symbol(handle, #name, found.name) && ((major)*100 + (minor)) <= 211) \
    return "lacks the function " #name;
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

TakenLibrary take(void* handle) {
  Functions found;
  if (auto missing = resolve_all(handle, found)) return {{}, std::move(missing)};
  const std::uint64_t abi = found.aoti_torch_abi_version();
  if (abi < oldest_abi) return {{}, fmt::format("LibTorch {} is too old, 2.11 or newer is needed", version_text(abi))};
  resolve_openmp(handle, found);
  functions = found;
  return {version_text(abi), std::nullopt};
}

RuntimeLibrary& library() {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): one a process, guarded by its own lock
  static auto* const instance = new RuntimeLibrary(
      {"LibTorch", "2.11", "LibTorch", install_hint,
       "load no other LibTorch (or an `import torch` of 2.11 or newer) into this process before MediScan",
       mapped_library, inspect_place, unusable_library, explained, take});
  return *instance;
}

}  // namespace

const Functions& libtorch() noexcept { return functions; }

std::string version_text(std::uint64_t abi_version) {
  return fmt::format("{}.{}.{}", abi_version >> 56, (abi_version >> 48) & 0xFF, (abi_version >> 40) & 0xFF);
}

RuntimeReport find_libtorch(const fs::path& named) { return library().find(search_places(named), named); }

}  // namespace mediscan::backend::torch
