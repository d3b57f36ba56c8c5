// Where a oneDNN may be on this machine, and what a libdnnl.so.3 is before it is loaded. Loads nothing; libdnnl.hpp
// does.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "backend/library_search.hpp"

namespace mediscan::backend::onednn {

/// The places, in order: MEDISCAN_ONEDNN alone when it is set, since another oneDNN would be a fallback that nobody
/// asked for; else the virtual environment, next to this library, and the usual system places. Never the working
/// directory.
std::vector<Place> search_places();

/// The oneDNN that this process has mapped already, by whomever and of whatever version.
std::optional<std::filesystem::path> mapped_library();

/// What lies at a place: libdnnl.so.3 itself, or a folder that holds it or lib/ with it.
Inspection inspect_place(const Place& place);

/// Why this file cannot be a oneDNN that we can use, or nothing. Reads a few pages of it.
std::optional<std::string> unusable_library(const std::filesystem::path& library);

}  // namespace mediscan::backend::onednn
