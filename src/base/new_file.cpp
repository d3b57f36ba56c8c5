#include "base/new_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace mediscan::base {
namespace {

/// A hidden name of this process's own in the same folder. A folder in the file's place is an error right away.
std::filesystem::path place_beside(const std::filesystem::path& path) {
  static std::atomic<std::uint64_t> number{0};  // two threads of this process may write the same file
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored) || !path.has_filename()) throw_not_written(path, EISDIR);
  auto beside =
      path.parent_path() / fmt::format(".{}.{}.{}", path.filename().string(), ::getpid(), number.fetch_add(1));
  std::filesystem::remove(beside, ignored);  // of a process of the same number that was ended while it wrote
  return beside;
}

}  // namespace

void throw_not_written(const std::filesystem::path& path, int error) {
  const char* hint = "";
  if (error == ENOENT || error == ENOTDIR) hint = "make the folder that it shall stand in first";
  if (error == EACCES || error == EPERM || error == EROFS) hint = "choose a place that this user may write to";
  if (error == ENOSPC || error == EDQUOT) hint = "make room on that disk, or choose another";
  if (error == EISDIR) hint = "name a file; this is a folder";
  throw Error(ErrorCode::io_error, Stage::result,
              fmt::format("{}: {}", path.string(), std::generic_category().message(error)), hint);
}

NewFile::NewFile(const std::filesystem::path& path)
    : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
  if (fd_ < 0) throw_not_written(path, errno);
}

NewFile::~NewFile() {
  if (fd_ >= 0) ::close(fd_);
}

void NewFile::write(std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_not_written(path_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void NewFile::finish() {
  if (::fsync(fd_) != 0) throw_not_written(path_, errno);
  if (::close(std::exchange(fd_, -1)) != 0) throw_not_written(path_, errno);
}

FileReplacement::FileReplacement(const std::filesystem::path& path)
    : path_(path), beside_(place_beside(path)), file_(beside_) {}

FileReplacement::~FileReplacement() {
  std::error_code ignored;
  std::filesystem::remove(beside_, ignored);  // when it was published nothing of that name is there any more
}

void FileReplacement::publish(std::span<const std::byte> bytes) {
  file_.write(bytes);
  file_.finish();
  std::error_code failed;
  std::filesystem::rename(beside_, path_, failed);
  if (failed) throw_not_written(path_, failed.value());
}

}  // namespace mediscan::base
