#include "base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace mediscan::base {
namespace {

std::string system_text(int error) { return std::generic_category().message(error); }

[[noreturn]] void throw_io(const std::filesystem::path& path, Stage stage, int error) {
  const char* hint = "";
  if (error == ENOENT || error == ENOTDIR) hint = "check the path; nothing of that name exists";
  if (error == EACCES || error == EPERM) hint = "give this user read permission on the file and its folders";
  if (error == EISDIR) hint = "name a file; this is a folder";
  throw Error(ErrorCode::io_error, stage, fmt::format("{}: {}", path.string(), system_text(error)), hint);
}

/// A file descriptor that is closed on every way out.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, Stage stage, int flags = 0)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags)) {
    if (fd_ < 0) throw_io(path, stage, errno);
    if (::fstat(fd_, &status_) != 0) {
      const int error = errno;
      ::close(fd_);
      throw_io(path, stage, error);
    }
    if (S_ISDIR(status_.st_mode)) {
      ::close(fd_);
      throw_io(path, stage, EISDIR);
    }
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool regular() const { return S_ISREG(status_.st_mode); }
  [[nodiscard]] std::uint64_t size() const { return static_cast<std::uint64_t>(status_.st_size); }

 private:
  int fd_;
  struct stat status_ {};
};

[[noreturn]] void throw_too_large(const std::filesystem::path& path, std::uint64_t limit, std::string_view limit_name,
                                  Stage stage) {
  throw Error(ErrorCode::limit_exceeded, stage,
              fmt::format("{}: file is larger than {} bytes, the limit {}", path.string(), limit, limit_name),
              fmt::format("raise {} if files of this size are expected", limit_name));
}

}  // namespace

std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t max_bytes,
                                 std::string_view limit_name, Stage stage) {
  const Descriptor file(path, stage);
  if (file.regular() && file.size() > max_bytes) throw_too_large(path, max_bytes, limit_name, stage);
  // One byte more than the file is said to have, so that the read that finds the end needs no second buffer.
  std::vector<std::byte> bytes(file.regular() ? file.size() + 1 : std::size_t{65536});
  std::size_t filled = 0;
  for (;;) {
    if (filled == bytes.size()) bytes.resize(std::max<std::size_t>(bytes.size() * 2, 65536));
    const ::ssize_t got = ::read(file.fd(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_io(path, stage, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (filled > max_bytes) throw_too_large(path, max_bytes, limit_name, stage);
  }
  bytes.resize(filled);
  return bytes;
}

MappedFile::MappedFile(const std::filesystem::path& path, Stage stage) {
  const Descriptor file(path, stage, O_NONBLOCK);  // or a pipe that no one writes to would be waited for
  if (!file.regular()) {
    throw Error(ErrorCode::io_error, stage, fmt::format("{}: not a regular file", path.string()),
                "weights must be a regular file, not a pipe or a device");
  }
  if (file.size() == 0) return;
  void* address = ::mmap(nullptr, file.size(), PROT_READ, MAP_PRIVATE, file.fd(), 0);
  if (address == MAP_FAILED) throw_io(path, stage, errno);
  bytes_ = {static_cast<const std::byte*>(address), file.size()};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());  // NOLINT: munmap takes no const
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace mediscan::base
