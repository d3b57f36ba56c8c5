// Looking for a library that is opened at run time: where it may be on this machine, and what a file is before it is
// loaded. What each backend wants of its library is its own to say; nothing here loads anything.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/elf.hpp"

namespace mediscan::backend {

/// A place to look at: the library itself, or a folder that holds it.
struct Place {
  std::string origin;  ///< who named it: "option", a variable of the environment, "VIRTUAL_ENV", "system"
  std::filesystem::path path;
};

/// What lies at a place. `library` is set when something there is worth loading.
struct Inspection {
  std::optional<std::filesystem::path> library;  ///< absolute, symbolic links resolved
  std::string detail;                            ///< why not, else empty
};

/// How a library's file is recognised.
struct LibraryFile {
  std::vector<std::string> names;    ///< of the file, the preferred first; the first is what messages say
  std::vector<std::string> folders;  ///< where it may lie below a place: ".", "lib"
  /// Why a file cannot be it, or nothing.
  std::function<std::optional<std::string>(const std::filesystem::path&)> fault;
};

/// The value of an environment variable; nothing when it is empty or the process is set-uid.
std::optional<std::string> environment_of_user(const char* name);

/// The folder of the library (or program) that holds this code, when it is known absolutely.
std::optional<std::filesystem::path> own_folder();

/// Adds `packages`/`below` of every python3* folder of `root` that has it, e.g.
/// /usr/local/lib/python3.11/dist-packages/torch/lib.
void add_python_places(const std::filesystem::path& root, std::string_view packages, std::string_view below,
                       std::string_view origin, std::vector<Place>& places);

/// Where distributions install libraries: /usr/lib/x86_64-linux-gnu, /usr/lib64, /usr/lib.
std::span<const char* const> distribution_folders() noexcept;

/// The file whose name begins with `name` that this process has mapped already, by whomever.
std::optional<std::filesystem::path> mapped_file(std::string_view name);

/// What lies at a place. A relative path is the caller's own only as an "option"; from the environment it is refused,
/// so that the working directory is never searched.
Inspection inspect(const Place& place, const LibraryFile& wanted);

/// What is wrong with a library's file as a file, else what `look` says of it, before it is loaded. Reads a few pages.
std::optional<std::string> fault_of_file(const std::filesystem::path& file,
                                         const std::function<std::optional<std::string>(const ElfLibrary&)>& look);

}  // namespace mediscan::backend
