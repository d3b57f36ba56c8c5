// A folder that is filled beside its place and then appears there whole, or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace mediscan::bundle {

class UnpublishedFolder {
 public:
  /// Makes the folder, hidden, next to `destination`. Throws INVALID_ARGUMENT when that exists, IO_ERROR when its
  /// parent does not or may not be written to; like all that is about writing, at the stage result.
  explicit UnpublishedFolder(const std::filesystem::path& destination);
  /// Removes it unless it was published.
  ~UnpublishedFolder();
  UnpublishedFolder(const UnpublishedFolder&) = delete;
  UnpublishedFolder& operator=(const UnpublishedFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// Writes a file to disk, through to the medium; `name` may have folders in it, relative ones. Throws IO_ERROR (disk
  /// full and the like).
  void write(const std::filesystem::path& name, std::span<const std::byte> bytes) const;

  /// Moves it to its place. Throws IO_ERROR.
  void publish();

 private:
  std::filesystem::path destination_;
  std::filesystem::path path_;
  bool published_ = false;
};

}  // namespace mediscan::bundle
