#include "backend/torch/locate.hpp"

#include <fmt/format.h>

#include <fstream>
#include <regex>
#include <system_error>

namespace mediscan::backend::torch {
namespace fs = std::filesystem;
namespace {

constexpr const char* library_name = "libtorch_cpu.so";
constexpr const char* needed_version = "2.11 or newer is needed";

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

/// How a LibTorch is recognised. Distributions install a versioned name; Debian's 1.13 has nothing else.
LibraryFile wanted_file() {
  return {{library_name, "libtorch_cpu.so.2", "libtorch_cpu.so.1.13"}, {".", "lib", "torch/lib"}, unusable_library};
}

}  // namespace

std::vector<Place> search_places(const fs::path& named) {
  if (!named.empty()) return {{"option", named}};
  if (const auto value = environment_of_user("MEDISCAN_LIBTORCH")) return {{"MEDISCAN_LIBTORCH", *value}};

  std::vector<Place> places;
  if (const auto value = environment_of_user("VIRTUAL_ENV"); value && fs::path(*value).is_absolute()) {
    add_python_places(fs::path(*value) / "lib", "site-packages", "torch/lib", "VIRTUAL_ENV", places);
  }
  if (const auto folder = own_folder()) {
    places.push_back({"next to MediScan", (*folder / ".." / "lib" / "mediscan" / "libtorch").lexically_normal()});
  }
  for (const char* folder : {"/usr/local/lib", "/opt/libtorch", "/usr/local/libtorch"})
    places.push_back({"system", folder});
  add_python_places("/usr/local/lib", "dist-packages", "torch/lib", "system", places);
  add_python_places("/usr/local/lib", "site-packages", "torch/lib", "system", places);
  places.push_back({"system", "/usr/lib/python3/dist-packages"});
  for (const char* folder : distribution_folders()) places.push_back({"system", folder});
  return places;
}

std::optional<fs::path> mapped_library() { return mapped_file(library_name); }

Inspection inspect_place(const Place& place) { return inspect(place, wanted_file()); }

std::optional<std::string> unusable_library(const fs::path& library) {
  auto fault = fault_of_file(library, [&](const ElfLibrary& elf) -> std::optional<std::string> {
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
  return fault_of_file(sibling, [](const ElfLibrary&) { return std::optional<std::string>{}; });
}

}  // namespace mediscan::backend::torch
