#include "bundle/unpublished_folder.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <mediscan/error.hpp>

#include <cerrno>
#include <system_error>

#include "base/new_file.hpp"

namespace mediscan::bundle {
namespace {

/// Where the folder shall stand; "a/b/" is the folder b.
std::filesystem::path place_of(const std::filesystem::path& destination) {
  if (destination.empty()) {
    throw Error(ErrorCode::invalid_argument, Stage::argument, "no folder is named to write the bundle to");
  }
  return std::filesystem::absolute(destination.has_filename() ? destination : destination.parent_path());
}

}  // namespace

UnpublishedFolder::UnpublishedFolder(const std::filesystem::path& destination) : destination_(place_of(destination)) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(destination_, ignored))) {
    throw Error(ErrorCode::invalid_argument, Stage::argument, fmt::format("{}: is there already", destination.string()),
                "name a folder that does not exist, or remove it first; bundles are never written over");
  }
  for (int number = 0;; ++number) {
    path_ = destination_.parent_path() / fmt::format(".{}.{}.{}", destination_.filename().string(), ::getpid(), number);
    if (::mkdir(path_.c_str(), 0777) == 0) return;
    if (errno != EEXIST) base::throw_not_written(destination, errno);
  }
}

UnpublishedFolder::~UnpublishedFolder() {
  std::error_code ignored;
  if (!published_) std::filesystem::remove_all(path_, ignored);
}

void UnpublishedFolder::write(const std::filesystem::path& name, std::span<const std::byte> bytes) const {
  const auto path = path_ / name;
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  if (failed) base::throw_not_written(path.parent_path(), failed.value());
  base::NewFile file(path);
  file.write(bytes);
  file.finish();
}

void UnpublishedFolder::publish() {
  std::error_code failed;
  std::filesystem::rename(path_, destination_, failed);
  if (failed) base::throw_not_written(destination_, failed.value());
  published_ = true;
}

}  // namespace mediscan::bundle
