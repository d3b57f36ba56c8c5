// From a folder to a Bundle, and what a Bundle answers about itself.
#include <fmt/format.h>

#include <mediscan/bundle.hpp>
#include <mediscan/error.hpp>
#include <system_error>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "bundle/manifest.hpp"
#include "bundle/names.hpp"
#include "bundle/spec_json.hpp"

namespace mediscan {
namespace {

[[noreturn]] void throw_not_found(const std::filesystem::path& path, std::string_view what) {
  throw Error(ErrorCode::not_found, Stage::bundle, fmt::format("{}: {}", path.string(), what),
              "a bundle is a folder that holds mediscan.json");
}

/// Only what the file system says for sure; whatever else is wrong shows when the file is opened.
void check_places(const std::filesystem::path& directory, const std::filesystem::path& manifest) {
  std::error_code ignored;
  const auto folder = std::filesystem::status(directory, ignored);
  if (folder.type() == std::filesystem::file_type::not_found) throw_not_found(directory, "no such folder");
  if (std::filesystem::exists(folder) && !std::filesystem::is_directory(folder))
    throw_not_found(directory, "not a folder");
  const auto file = std::filesystem::status(manifest, ignored);
  if (file.type() == std::filesystem::file_type::not_found) throw_not_found(manifest, "no such file");
  if (std::filesystem::exists(file) && !std::filesystem::is_regular_file(file)) {
    throw Error(ErrorCode::io_error, Stage::bundle, fmt::format("{}: not a regular file", manifest.string()),
                "mediscan.json must be a file, not a folder, a pipe or a device");
  }
}

std::vector<std::byte> read_manifest(const std::filesystem::path& manifest) {
  try {
    return base::read_file(manifest, bundle::max_manifest_bytes, "of mediscan.json", Stage::bundle);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::limit_exceeded) throw;
    bundle::throw_too_large(manifest.string());
  }
}

}  // namespace

Bundle Bundle::read(const std::filesystem::path& directory) {
  const std::filesystem::path manifest = directory / "mediscan.json";
  check_places(directory, manifest);
  // Read, not mapped: what is hashed and what is parsed must be the same bytes whatever happens to the file meanwhile.
  return bundle::parse_manifest(read_manifest(manifest), directory);
}

std::string Bundle::weights_sha256() const {
  if (weights.size() == 1) return weights.front().sha256;
  std::string hashes;
  for (const auto& file : weights) hashes += file.sha256;
  return base::sha256_hex(hashes);
}

std::pair<std::uint32_t, std::uint32_t> Bundle::input_size() const {
  if (const auto size = bundle::fixed_size(input)) return *size;
  throw Error(ErrorCode::bundle_invalid, Stage::bundle,
              fmt::format("{}: the recipe does not fix the size of the tensor", name),
              "give the recipe a crop, an exact resize, or square_crop with a resize");
}

std::string_view name_of(Domain domain) noexcept { return bundle::name_in(bundle::domain_names, domain); }
std::string_view name_of(Task task) noexcept { return bundle::name_in(bundle::task_names, task); }
std::string_view name_of(Activation activation) noexcept {
  return bundle::name_in(bundle::activation_names, activation);
}

}  // namespace mediscan
