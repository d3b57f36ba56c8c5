// Writing files: one that must be new, and one that takes another's place whole. Failures name the file, what the
// system said and what can be done.
#pragma once

#include <mediscan/error.hpp>

#include <cstddef>
#include <filesystem>
#include <span>

namespace mediscan::base {

/// IO_ERROR, stage result, about a path that could not be written, from an errno.
[[noreturn]] void throw_not_written(const std::filesystem::path& path, int error);

/// A file that did not exist, being written; closed on every way out. All members throw IO_ERROR.
class NewFile {
 public:
  explicit NewFile(const std::filesystem::path& path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::span<const std::byte> bytes) const;
  /// Through to the medium, and closed: some file systems tell of a full disk only now.
  void finish();

 private:
  const std::filesystem::path path_;
  int fd_;
};

/// A file that is written beside its place and then moved there: whoever reads that place finds what was there before,
/// or all of the new, and what goes wrong on the way changes nothing. All members throw IO_ERROR.
class FileReplacement {
 public:
  /// Begins the file, so that a place that cannot be written is known before there is something to write. Its folder
  /// must exist.
  explicit FileReplacement(const std::filesystem::path& path);
  /// Removes the file unless it was published.
  ~FileReplacement();
  FileReplacement(const FileReplacement&) = delete;
  FileReplacement& operator=(const FileReplacement&) = delete;

  /// Writes these bytes and moves the file to its place. Once.
  void publish(std::span<const std::byte> bytes);

 private:
  const std::filesystem::path path_;
  const std::filesystem::path beside_;
  NewFile file_;
};

}  // namespace mediscan::base
