// Keeping the files that a bundle names inside its folder.
#pragma once

#include <filesystem>
#include <string_view>

namespace mediscan::bundle {

/// True for a relative path with "/" between names, none of them "..", that ends in a name.
bool names_a_file_inside(std::string_view file);

/// The file on disk with every link followed. Throws NOT_FOUND when there is none, BUNDLE_INVALID when it lies outside
/// `directory`, and IO_ERROR when the system does not let us see. The answer holds for this moment: a folder that
/// others may write to can change.
std::filesystem::path file_inside(const std::filesystem::path& directory, std::string_view file);

}  // namespace mediscan::bundle
