#include "bundle/unpublished_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <mediscan/error.hpp>

#include <cerrno>
#include <system_error>
#include <utility>

namespace mediscan::bundle {
namespace {

[[noreturn]] void throw_io(const std::filesystem::path& path, int error) {
  const char* hint = "";
  if (error == ENOENT || error == ENOTDIR) hint = "make the folder that it shall stand in first";
  if (error == EACCES || error == EPERM || error == EROFS) hint = "choose a place that this user may write to";
  if (error == ENOSPC || error == EDQUOT) hint = "make room on that disk, or choose another";
  throw Error(ErrorCode::io_error, Stage::result,
              fmt::format("{}: {}", path.string(), std::generic_category().message(error)), hint);
}

/// A file being written, closed on every way out.
class NewFile {
 public:
  explicit NewFile(const std::filesystem::path& path)
      : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
    if (fd_ < 0) throw_io(path, errno);
  }
  ~NewFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw_io(path_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  /// Some file systems tell of a full disk only now.
  void finish() {
    if (::fsync(fd_) != 0) throw_io(path_, errno);
    if (::close(std::exchange(fd_, -1)) != 0) throw_io(path_, errno);
  }

 private:
  const std::filesystem::path& path_;
  int fd_;
};

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
    if (errno != EEXIST) throw_io(destination, errno);
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
  if (failed) throw_io(path.parent_path(), failed.value());
  NewFile file(path);
  file.write(bytes);
  file.finish();
}

void UnpublishedFolder::publish() {
  std::error_code failed;
  std::filesystem::rename(path_, destination_, failed);
  if (failed) throw_io(destination_, failed.value());
  published_ = true;
}

}  // namespace mediscan::bundle
