// Reading files: whole into memory, or mapped read-only. Failures name the file and what the system said.
#pragma once

#include <mediscan/error.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace mediscan::base {

/// Reads a regular file or a pipe of at most `max_bytes`. Throws IO_ERROR (missing, a folder, no permission, read
/// failure) and LIMIT_EXCEEDED naming `limit_name`.
std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t max_bytes,
                                 std::string_view limit_name, Stage stage);

/// A private read-only mapping of a regular file. Empty files map to an empty span. Throws IO_ERROR.
class MappedFile {
 public:
  MappedFile(const std::filesystem::path& path, Stage stage);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace mediscan::base
