#include "backend/onednn/locate.hpp"

#include <fmt/format.h>

#include <regex>

namespace mediscan::backend::onednn {
namespace fs = std::filesystem;
namespace {

constexpr const char* needed_version = "3.1 or newer of oneDNN 3 is needed";

/// "2.7" of libdnnl.so.2.7, or "2" of its SONAME libdnnl.so.2. Empty when neither has a number.
std::string stated_version(const fs::path& library, std::string_view soname) {
  std::smatch match;
  for (const std::string& name : {library.filename().string(), std::string(soname)}) {
    if (std::regex_search(name, match, std::regex(R"(\.so\.([0-9]+(\.[0-9]+)?))"))) return match[1].str();
  }
  return {};
}

LibraryFile wanted_file() { return {{"libdnnl.so.3", "libdnnl.so", "libdnnl.so.2"}, {".", "lib"}, unusable_library}; }

}  // namespace

std::vector<Place> search_places() {
  if (const auto value = environment_of_user("MEDISCAN_ONEDNN")) return {{"MEDISCAN_ONEDNN", *value}};

  std::vector<Place> places;
  if (const auto value = environment_of_user("VIRTUAL_ENV"); value && fs::path(*value).is_absolute())
    places.push_back({"VIRTUAL_ENV", fs::path(*value) / "lib"});  // where pip puts it
  if (const auto folder = own_folder())
    places.push_back({"next to MediScan", (*folder / ".." / "lib" / "mediscan" / "onednn").lexically_normal()});
  places.push_back({"system", "/usr/local/lib"});
  for (const char* folder : distribution_folders()) places.push_back({"system", folder});
  return places;
}

std::optional<fs::path> mapped_library() { return mapped_file("libdnnl.so"); }

Inspection inspect_place(const Place& place) { return inspect(place, wanted_file()); }

std::optional<std::string> unusable_library(const fs::path& library) {
  return fault_of_file(library, [&](const ElfLibrary& elf) -> std::optional<std::string> {
    if (elf.exports("dnnl_primitive_attr_set_scales_mask")) return std::nullopt;  // 3.1 brought it
    if (!elf.exports("dnnl_primitive_execute"))
      return fmt::format("is no oneDNN ({}): it lacks dnnl_primitive_execute", needed_version);
    const std::string version = stated_version(library, elf.soname());
    return version.empty() ? fmt::format("this oneDNN is too old, {}", needed_version)
                           : fmt::format("oneDNN {} is too old, {}", version, needed_version);
  });
}

}  // namespace mediscan::backend::onednn
