#include "backend/torch/locate.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <regex>
#include <system_error>
#include <variant>

#include "backend/elf.hpp"
#include "base/file.hpp"

namespace mediscan::backend::torch {
namespace fs = std::filesystem;
namespace {

constexpr const char* library_name = "libtorch_cpu.so";
constexpr const char* needed_version = "2.11 or newer is needed";

/// The value of an environment variable; nothing when it is empty or the process is set-uid.
std::optional<std::string> environment(const char* name) {
  const char* value = ::secure_getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

/// The folder of the library (or program) that holds this code, when it is known absolutely.
std::optional<fs::path> own_folder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&search_places), &info) == 0 || info.dli_fname == nullptr)
    return std::nullopt;
  const fs::path file = info.dli_fname;
  if (!file.is_absolute()) return std::nullopt;
  return file.parent_path();
}

/// torch/lib below every python3* folder of `root` that has it, e.g. /usr/local/lib/python3.11/dist-packages.
void add_python_places(const fs::path& root, std::string_view packages, std::string_view origin,
                       std::vector<Place>& places) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root, ignored)) {
    if (!entry.path().filename().string().starts_with("python3")) continue;
    const fs::path folder = entry.path() / packages / "torch" / "lib";
    if (fs::exists(folder, ignored)) places.push_back({std::string(origin), folder});
  }
}

/// The version that the files around a library state: torch/version.py of a wheel, build-version of a LibTorch archive,
/// or the suffix of the SONAME (Debian's libtorch_cpu.so.1.13). Empty when none does.
std::string stated_version(const fs::path& library, std::string_view soname) {
  const fs::path root = library.parent_path().parent_path();
  const auto first_match = [](const fs::path& file, const char* pattern) {
    std::ifstream in(file);
    std::string line;
    std::smatch match;
    for (int lines = 0; lines < 50 && std::getline(in, line); ++lines) {
      if (line.size() < 200 && std::regex_search(line, match, std::regex(pattern))) return match[1].str();
    }
    return std::string{};
  };
  if (auto version = first_match(root / "version.py", R"re(__version__ = ['"]([0-9]+\.[0-9]+))re"); !version.empty())
    return version;
  if (auto version = first_match(root / "build-version", R"(^([0-9]+\.[0-9]+))"); !version.empty()) return version;
  std::cmatch match;
  if (std::regex_search(soname.data(), soname.data() + soname.size(), match, std::regex(R"(\.so\.([0-9]+\.[0-9]+))")))
    return match[1].str();
  return {};
}

/// What is wrong with a library file as a file, before asking which LibTorch it is.
std::optional<std::string> broken_file(const fs::path& file,
                                       const std::function<std::optional<std::string>(const ElfLibrary&)>& look) {
  try {
    const base::MappedFile mapped(file, Stage::backend);
    auto opened = ElfLibrary::open(mapped.bytes());
    if (const auto* fault = std::get_if<std::string>(&opened))
      return fmt::format("{} {}", file.filename().string(), *fault);
    return look(std::get<ElfLibrary>(opened));
  } catch (const Error& error) {
    return fmt::format("cannot be read: {}", error.message());
  }
}

}  // namespace

std::vector<Place> search_places(const fs::path& named) {
  if (!named.empty()) return {{"option", named}};
  if (const auto value = environment("MEDISCAN_LIBTORCH")) return {{"MEDISCAN_LIBTORCH", *value}};

  std::vector<Place> places;
  if (const auto value = environment("VIRTUAL_ENV"); value && fs::path(*value).is_absolute()) {
    add_python_places(fs::path(*value) / "lib", "site-packages", "VIRTUAL_ENV", places);
  }
  if (const auto folder = own_folder()) {
    places.push_back({"next to MediScan", (*folder / ".." / "lib" / "mediscan" / "libtorch").lexically_normal()});
  }
  for (const char* folder : {"/usr/local/lib", "/opt/libtorch", "/usr/local/libtorch"})
    places.push_back({"system", folder});
  add_python_places("/usr/local/lib", "dist-packages", "system", places);
  add_python_places("/usr/local/lib", "site-packages", "system", places);
  for (const char* folder : {
         "/usr/lib/python3/dist-packages",
#if defined(__x86_64__)
             "/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
                             "/usr/lib/aarch64-linux-gnu",
#endif
             "/usr/lib64", "/usr/lib"
       }) {
    places.push_back({"system", folder});
  }
  return places;
}

std::optional<fs::path> mapped_library() {
  std::optional<fs::path> found;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        const fs::path name = info->dlpi_name == nullptr ? "" : info->dlpi_name;
        if (!name.filename().string().starts_with(library_name)) return 0;
        *static_cast<std::optional<fs::path>*>(result) = name;
        return 1;
      },
      &found);
  return found;
}

Inspection inspect_place(const Place& place) {
  if (place.origin != "option" && !place.path.is_absolute()) {
    return {std::nullopt, "is a relative path; name an absolute one, the working directory is never searched"};
  }
  std::error_code error;
  const fs::path start = fs::absolute(place.path, error);
  if (!fs::exists(start, error)) return {std::nullopt, "does not exist"};
  fs::path library = start;
  if (fs::is_directory(start, error)) {
    library.clear();
    for (const char* below : {".", "lib", "torch/lib"}) {
      // Distributions install a versioned name; Debian's 1.13 has nothing else.
      for (const char* name : {library_name, "libtorch_cpu.so.2", "libtorch_cpu.so.1.13"}) {
        if (library.empty() && fs::exists(start / below / name, error)) library = start / below / name;
      }
    }
    if (library.empty()) return {std::nullopt, fmt::format("holds no {}, nor do its lib and torch/lib", library_name)};
  }
  const fs::path resolved = fs::canonical(library, error);
  if (error) return {std::nullopt, fmt::format("cannot be resolved: {}", error.message())};
  if (const auto fault = unusable_library(resolved)) return {std::nullopt, *fault};
  return {resolved, {}};
}

std::optional<std::string> unusable_library(const fs::path& library) {
  auto fault = broken_file(library, [&](const ElfLibrary& elf) -> std::optional<std::string> {
    if (elf.exports("torch_call_dispatcher") && elf.exports("torch_from_blob"))
      return std::nullopt;  // 2.10 and 2.11 brought them
    const std::string version = stated_version(library, elf.soname());
    if (!version.empty()) return fmt::format("LibTorch {} is too old, {}", version, needed_version);
    if (elf.exports("aoti_torch_delete_tensor_object"))
      return fmt::format("this LibTorch is too old, {}", needed_version);
    return fmt::format("is no LibTorch, or one that is too old ({}): it lacks torch_from_blob", needed_version);
  });
  if (fault) return fault;
  // The dynamic loader dies of SIGBUS on a truncated file, so look at the one sibling that every LibTorch loads with
  // it.
  const fs::path sibling = library.parent_path() / "libc10.so";
  std::error_code error;
  if (!fs::exists(sibling, error)) return std::nullopt;
  return broken_file(sibling, [](const ElfLibrary&) { return std::optional<std::string>{}; });
}

}  // namespace mediscan::backend::torch
