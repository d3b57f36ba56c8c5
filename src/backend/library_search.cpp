#include "backend/library_search.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <array>
#include <cstdlib>
#include <system_error>
#include <utility>
#include <variant>

#include "base/file.hpp"

namespace mediscan::backend {
namespace fs = std::filesystem;
namespace {

/// "its lib and torch/lib" of the folders below a place, itself excepted.
std::string names_of_folders(const LibraryFile& wanted) {
  std::string names;
  for (const std::string& folder : wanted.folders) {
    if (folder != ".") names += fmt::format("{}{}", names.empty() ? "its " : " and ", folder);
  }
  return names;
}

/// The first of the names that lies in a folder below `start`; empty when none does.
fs::path found_below(const fs::path& start, const LibraryFile& wanted) {
  std::error_code ignored;
  for (const std::string& folder : wanted.folders) {
    for (const std::string& name : wanted.names) {
      if (fs::exists(start / folder / name, ignored)) return start / folder / name;
    }
  }
  return {};
}

}  // namespace

std::optional<std::string> environment_of_user(const char* name) {
  const char* value = ::secure_getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::optional<fs::path> own_folder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&own_folder), &info) == 0 || info.dli_fname == nullptr)
    return std::nullopt;
  const fs::path file = info.dli_fname;
  if (!file.is_absolute()) return std::nullopt;
  return file.parent_path();
}

void add_python_places(const fs::path& root, std::string_view packages, std::string_view below, std::string_view origin,
                       std::vector<Place>& places) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root, ignored)) {
    if (!entry.path().filename().string().starts_with("python3")) continue;
    const fs::path folder = entry.path() / packages / below;
    if (fs::exists(folder, ignored)) places.push_back({std::string(origin), folder});
  }
}

std::span<const char* const> distribution_folders() noexcept {
  static constexpr std::array folders {
#if defined(__x86_64__)
    "/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
    "/usr/lib/aarch64-linux-gnu",
#endif
        "/usr/lib64", "/usr/lib",
  };
  return folders;
}

std::optional<fs::path> mapped_file(std::string_view name) {
  struct Search {
    std::string_view name;
    std::optional<fs::path> found;
  } search{name, {}};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& wanted = *static_cast<Search*>(data);
        const fs::path file = info->dlpi_name == nullptr ? "" : info->dlpi_name;
        if (!file.filename().string().starts_with(wanted.name)) return 0;
        wanted.found = file;
        return 1;
      },
      &search);
  return std::move(search.found);
}

Inspection inspect(const Place& place, const LibraryFile& wanted) {
  if (place.origin != "option" && !place.path.is_absolute()) {
    return {std::nullopt, "is a relative path; name an absolute one, the working directory is never searched"};
  }
  std::error_code error;
  const fs::path start = fs::absolute(place.path, error);
  if (!fs::exists(start, error)) return {std::nullopt, "does not exist"};
  fs::path library = start;
  if (fs::is_directory(start, error)) {
    library = found_below(start, wanted);
    if (library.empty()) {
      const std::string folders = names_of_folders(wanted);
      const bool several = wanted.folders.size() > 2;
      return {std::nullopt,
              fmt::format("holds no {}{}", wanted.names.front(),
                          folders.empty() ? "" : fmt::format(", nor {} {}", several ? "do" : "does", folders))};
    }
  }
  const fs::path resolved = fs::canonical(library, error);
  if (error) return {std::nullopt, fmt::format("cannot be resolved: {}", error.message())};
  if (const auto fault = wanted.fault(resolved)) return {std::nullopt, *fault};
  return {resolved, {}};
}

std::optional<std::string> fault_of_file(const fs::path& file,
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

}  // namespace mediscan::backend
