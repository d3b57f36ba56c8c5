// First the text of the path, then where its links lead.
#include "bundle/inside.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mediscan/error.hpp>
#include <system_error>

namespace mediscan::bundle {

bool names_a_file_inside(std::string_view file) {
  if (file.empty() || file.front() == '/' || file.back() == '/') return false;
  if (file.find('\\') != std::string_view::npos || file.find('\0') != std::string_view::npos) return false;
  const std::filesystem::path path(file);
  if (path.filename() == ".") return false;
  return std::none_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
}

std::filesystem::path file_inside(const std::filesystem::path& directory, std::string_view file) {
  const std::filesystem::path stated = directory / file;
  if (!names_a_file_inside(file)) {
    throw Error(ErrorCode::bundle_invalid, Stage::bundle,
                fmt::format("{}: \"{}\" does not name a file inside the bundle folder", directory.string(), file),
                "a bundle's files are named relative to its folder, with \"/\" and without \"..\"");
  }
  std::error_code error;
  const auto folder = std::filesystem::canonical(directory, error);
  auto target = error ? std::filesystem::path() : std::filesystem::canonical(stated, error);
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) {
    throw Error(ErrorCode::not_found, Stage::bundle,
                fmt::format("{}: no such file, though mediscan.json names it", stated.string()),
                "the bundle is incomplete: copy or download it again, whole");
  }
  if (error) throw Error(ErrorCode::io_error, Stage::bundle, fmt::format("{}: {}", stated.string(), error.message()));
  const auto [folder_end, target_at] = std::mismatch(folder.begin(), folder.end(), target.begin(), target.end());
  if (folder_end != folder.end() || target_at == target.end()) {
    throw Error(ErrorCode::bundle_invalid, Stage::bundle,
                fmt::format("{}: is a link that leaves the bundle folder (to {})", stated.string(), target.string()),
                "put the file itself into the bundle folder");
  }
  return target;
}

}  // namespace mediscan::bundle
